# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Published ports, in Compose's long form, and what a coloured service makes of them."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..core.errors import DeliveryError
from .warnings import Warnings

Port = dict[str, Any]


def colored_ports(name: str, ports: list[Port], warnings: Warnings) -> list[Port]:
    """Host mode and a port that Docker chooses: every instance is reached by itself, both colours fit on one node."""
    result: list[Port] = []
    for port in open_ports(name, ports, warnings):
        if port.get("published"):
            warnings.service(
                name,
                f"port {port['target']} is not published as {port['published']} but on a port that Docker chooses, "
                f"because two colours cannot share one: users come in through the proxy",
            )
        plain = {"target": int(port["target"]), "protocol": port.get("protocol", "tcp"), "mode": "host"}
        if plain not in result:
            result.append(plain)
    return result


def published_ports(name: str, ports: list[Port], warnings: Warnings) -> list[Port]:
    """Ports as they are, in the stack dialect."""
    result: list[Port] = []
    for port in open_ports(name, ports, warnings):
        plain: Port = {"target": int(port["target"]), "protocol": port.get("protocol", "tcp")}
        plain["mode"] = port.get("mode", "ingress")
        if published := str(port.get("published") or ""):
            if "-" in published:
                first = published.split("-", maxsplit=1)[0]
                warnings.service(name, f"port {port['target']} is published as {first}, Swarm takes no range")
                published = first
            plain["published"] = int(published)
        if plain not in result:
            result.append(plain)
    return result


def open_ports(name: str, ports: list[Port], warnings: Warnings | None = None) -> list[Port]:
    """Those of C(ports) that may be published; the others, which belong to one address, are put into C(warnings).

    Swarm would open them on every address of every node, which is what the address was to prevent.
    """
    result = []
    for port in ports:
        if not _one_address(port):
            result.append(port)
        elif warnings is not None:
            warnings.service(
                name,
                f"port {port['target']} is not published, because Swarm cannot bind it to {port['host_ip']} only: "
                f"services of its network reach it without that, remove the address to publish it on every address",
            )
    return result


def main_port(target: str, ports: list[Port], wanted: int | None, where: str, expose: list[Any]) -> int:
    """The container port that the proxy sends users to: C(wanted), else the first TCP port that is not private.

    Raises DeliveryError when there is none, with what to add.
    """
    tcp = [port for port in ports if port.get("protocol", "tcp") == "tcp"]
    if not tcp:
        example = wanted or (str(expose[0]).split("/", maxsplit=1)[0] if expose else 8080)
        lacks = "publishes only UDP ports" if ports else "publishes no port"
        raise DeliveryError(
            f"target '{target}' {lacks}, so the proxy cannot reach it: add 'ports: [\"{example}\"]', with the port "
            f"that the program listens on, to service '{target}' in {where}"
        )
    reachable = [int(port["target"]) for port in open_ports(target, tcp)]
    if wanted is None and reachable:
        return reachable[0]
    private = next((port for port in tcp if wanted in (None, int(port["target"]))), None)
    if private is None:
        raise DeliveryError(
            f"target_port {wanted} is not among the TCP ports of target '{target}', which are "
            f"{', '.join(str(port['target']) for port in tcp)}: choose one of these or add it to ports in {where}"
        )
    if wanted not in reachable:
        other = f", or set target_port to {reachable[0]}" if reachable else ""
        raise DeliveryError(
            f"target '{target}' publishes port {private['target']} on {private['host_ip']} only, where proxies cannot "
            f"reach it: write 'ports: [\"{private['target']}\"]' without the address in {where}{other}"
        )
    return int(private["target"])


def registration_names(name: str, ports: list[Port], main: int) -> dict[str, str]:
    """The environment that makes registrators use C(name) for the main port and C(<name>-<port>) for the others."""
    targets = list(dict.fromkeys(int(port["target"]) for port in ports))
    if len(targets) == 1:
        return {"SERVICE_NAME": name}
    return {f"SERVICE_{port}_NAME": name if port == main else f"{name}-{port}" for port in targets}


def _one_address(port: Port) -> bool:
    address = str(port.get("host_ip") or "")
    try:
        return bool(address) and not ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return True
