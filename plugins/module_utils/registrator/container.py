# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""A container as far as registration is concerned, read from C(GET /containers/<id>/json)."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SWARM = "com.docker.swarm."


@dataclass(frozen=True, slots=True)
class Binding:
    """One published port. C(host_ip) is empty, C(0.0.0.0) or C(::) when it listens on all addresses.

    C(held): Docker holds the port for this container. On the host's network nobody does, and nothing may listen there.
    """

    container_port: int
    protocol: str
    host_ip: str
    host_port: int
    held: bool = True


@dataclass(frozen=True, slots=True)
class Container:
    """One container; C(absence) says why it must not receive requests now, None that it may.

    C(runs): it has a process, so a port may be its. C(started): when, in a form that sorts. C(stop_timeout) in seconds,
    None when the container does not say. C(swarm): C(service), C(task), C(node) ids and names, empty outside Swarm.
    """

    id: str
    name: str
    absence: str | None
    runs: bool
    started: str
    environment: tuple[str, ...]
    labels: Mapping[str, str]
    bindings: tuple[Binding, ...]
    stop_signal: int
    stop_timeout: float | None
    swarm: Mapping[str, str]


def container_of(inspected: Mapping[str, Any]) -> Container:
    """Read an inspected container; anything that may be null in Docker's answer may be null here."""
    config = inspected.get("Config") or {}
    labels = config.get("Labels") or {}
    state = inspected.get("State") or {}
    name = inspected["Name"].lstrip("/")
    host_network = (inspected.get("HostConfig") or {}).get("NetworkMode") == "host"
    timeout = config.get("StopTimeout")
    return Container(
        id=inspected["Id"],
        name=name,
        absence=_absence(state),
        runs=bool(state.get("Running")) and not state.get("Dead") and not state.get("Restarting"),
        started=_sortable(state.get("StartedAt") or ""),
        environment=tuple(config.get("Env") or ()),
        labels=labels,
        bindings=_exposed(config) if host_network else _published(inspected.get("NetworkSettings") or {}),
        stop_signal=signal_number(config.get("StopSignal") or ""),
        stop_timeout=float(timeout) if timeout is not None else None,
        swarm=_swarm(name, labels),
    )


def signal_number(name: str) -> int:
    """SIGTERM, TERM, 15 and RTMIN+3 as numbers; an unknown or empty name is SIGTERM, Docker's default."""
    name = name.upper().removeprefix("SIG")
    if name.isdecimal():
        return int(name)
    base, sign, offset = name.partition("+") if "+" in name else name.partition("-")
    try:
        number = signal.Signals[f"SIG{base}"].value
        return number + int(f"{sign}{offset}") if offset else number
    except (KeyError, ValueError):
        return signal.SIGTERM.value


def _absence(state: Mapping[str, Any]) -> str | None:
    # A container that waits for its next restart says Running as well.
    if state.get("Restarting"):
        return "restarting"
    if not state.get("Running") or state.get("Dead"):
        return "not running"
    if state.get("Paused"):
        return "paused"
    health = (state.get("Health") or {}).get("Status")
    if health in ("starting", "unhealthy"):
        return str(health)
    return None


def _published(network: Mapping[str, Any]) -> tuple[Binding, ...]:
    found = [
        Binding(*_port(port), binding.get("HostIp") or "", int(binding["HostPort"]))
        for port, bindings in (network.get("Ports") or {}).items()
        for binding in bindings or ()
        # Docker empties the host port of a container that is just stopping; 0 is a wish and no port.
        if int(binding.get("HostPort") or 0)
    ]
    return tuple(sorted(found, key=lambda b: (b.container_port, b.protocol, b.host_ip, b.host_port)))


def _exposed(config: Mapping[str, Any]) -> tuple[Binding, ...]:
    ports = sorted(_port(port) for port in config.get("ExposedPorts") or {})
    return tuple(Binding(number, protocol, "", number, held=False) for number, protocol in ports)


def _port(text: str) -> tuple[int, str]:
    number, protocol = text.partition("/")[::2]
    return int(number), protocol or "tcp"


def _sortable(moment: str) -> str:
    """Docker's UTC time without the zone, its fraction, of which Docker leaves out zeros at the end, at full length."""
    seconds, fraction = moment.removesuffix("Z").partition(".")[::2]
    return f"{seconds}.{fraction:0<9}"


def _swarm(name: str, labels: Mapping[str, str]) -> dict[str, str]:
    # An image made of a task's container (docker commit) has its labels. Swarm names a task's container after the task.
    task = labels.get(f"{_SWARM}task.id")
    if not task or not name.endswith(f".{task}"):
        return {}
    wanted = {"service": "service.name", "task": "task.id", "node": "node.id"}
    return {key: labels[_SWARM + label] for key, label in wanted.items() if labels.get(_SWARM + label)}
