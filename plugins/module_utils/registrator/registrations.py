# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""From a container to the services it should have in Consul. Pure: the same container gives the same answer."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.labels import SPEC_LABEL
from ..core.names import is_dns_label
from ..ports.catalog import SPEC_META, TASK_META
from .checks import checks_of, unknown_keys
from .container import Binding, Container
from .service_options import ContainerOptions, ServiceOptions

Definition = dict[str, Any]

OWNER = "owner"
HASH = "hash"
_RESERVED_META = frozenset({OWNER, HASH, "container", "swarm_service", TASK_META, "swarm_node", SPEC_META})
# Consul refuses the whole registration when one Meta pair breaks these.
_META_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_META_VALUE_LENGTH = 512
_META_PAIRS = 64


@dataclass(frozen=True, slots=True)
class Node:
    """Where the containers run. C(name) marks what is ours; C(address) is registered for ports on all addresses.

    C(swarm_names): containers of Swarm services that have no SERVICE_NAME are registered under the service's name.
    """

    name: str
    address: str
    swarm_names: bool = False

    @property
    def family(self) -> int:
        """4 or 6: only bindings of the address' family are registered, Docker may choose other ports for the other."""
        return ipaddress.ip_address(self.address).version


@dataclass(frozen=True, slots=True)
class Findings:
    """What one container asks for: Consul service definitions (Consul's JSON) and what is worth a warning."""

    definitions: tuple[Definition, ...] = ()
    warnings: tuple[str, ...] = ()
    drain: bool = True


def findings(container: Container, node: Node) -> Findings:
    """The services of one container, whether or not it may serve now (C(absence) is the caller's business)."""
    options = ContainerOptions(container.environment, container.labels)
    definitions: list[Definition] = []
    warnings: list[str] = []
    drain = True
    several_ports = len({(b.container_port, b.protocol) for b in container.bindings}) > 1
    for binding in container.bindings:
        service = options.for_port(binding.container_port, binding.protocol)
        name = _name(service, container, binding, node, several_ports)
        if service.ignore or name is None:
            continue
        address = _address(service, binding, node)
        if address is None:
            continue
        drain = drain and service.drain
        warnings += _warnings(container, service, name)
        definitions.append(_definition(container, service, binding, node, name, address))
    return Findings(tuple(definitions), tuple(dict.fromkeys(warnings)), drain)


def by_id(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """All definitions of a node by id, each with its own hash in Meta, by which an unchanged one is recognised.

    Definitions that would share an id (one SERVICE_ID for several ports or containers) get address and port added.
    """
    definitions = list(definitions)
    count = Counter(definition["ID"] for definition in definitions)
    found = {}
    for definition in definitions:
        key = definition["ID"]
        if count[key] > 1:
            key = f"{key}:{definition['Address']}:{definition['Port']}"
        found[key] = _sealed({**definition, "ID": key})
    return found


def _sealed(definition: Definition) -> Definition:
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {**definition, "Meta": {**definition["Meta"], HASH: digest}}


def _name(
    service: ServiceOptions, container: Container, binding: Binding, node: Node, several_ports: bool
) -> str | None:
    name = service.name or (container.swarm.get("service") if node.swarm_names else None)
    if name is None or service.name_is_for_port or not several_ports:
        return name
    return f"{name}-{binding.container_port}"


def _address(service: ServiceOptions, binding: Binding, node: Node) -> str | None:
    """The address to register, None when the port cannot be reached under the node's address family or at all."""
    if service.address:
        return service.address
    if not binding.host_ip:
        return node.address
    bound = ipaddress.ip_address(binding.host_ip)
    if bound.version != node.family:
        return None
    if bound.is_unspecified:
        return node.address
    if bound.is_loopback and not ipaddress.ip_address(node.address).is_loopback:
        return None
    return binding.host_ip


def _definition(
    container: Container, service: ServiceOptions, binding: Binding, node: Node, name: str, address: str
) -> Definition:
    udp = binding.protocol == "udp"
    checks = checks_of(service.check, f"[{address}]" if ":" in address else address, binding.host_port)
    definition: Definition = {
        "ID": service.id or f"{node.name}:{container.name}:{binding.host_port}{':udp' if udp else ''}",
        "Name": name,
        "Address": address,
        "Port": binding.host_port,
        "Tags": [*service.tags, *(["udp"] if udp and "udp" not in service.tags else [])],
        "Meta": {
            **_allowed_meta(service.meta),
            OWNER: node.name,
            "container": container.id,
            **{f"swarm_{key}": value for key, value in container.swarm.items()},
            **({SPEC_META: spec} if (spec := container.labels.get(SPEC_LABEL)) else {}),
        },
    }
    if checks:
        definition["Checks"] = list(checks)
    return definition


def _allowed_meta(meta: Mapping[str, str]) -> dict[str, str]:
    pairs = [(key, value) for key, value in sorted(meta.items()) if _meta_problem(key, value) is None]
    return dict(pairs[: _META_PAIRS - len(_RESERVED_META)])


def _meta_problem(key: str, value: str) -> str | None:
    if key in _RESERVED_META:
        return "is a mark of the registrator"
    if not _META_KEY.fullmatch(key):
        return "is no valid Meta key (letters, digits, _ and -, at most 128)"
    if len(value.encode()) > _META_VALUE_LENGTH:
        return f"is longer than the {_META_VALUE_LENGTH} bytes that Consul takes"
    return None


def _warnings(container: Container, service: ServiceOptions, name: str) -> Iterable[str]:
    if not is_dns_label(name.lower()):
        yield f"{container.name}: the service name '{name}' cannot be looked up by DNS"
    for key in unknown_keys(service.check):
        yield f"{container.name}: SERVICE_CHECK_{key} is not supported and left out"
    for key, value in service.meta.items():
        if problem := _meta_problem(key, value):
            yield f"{container.name}: SERVICE_{key.upper()} {problem} and left out"
    if len(service.meta) > _META_PAIRS - len(_RESERVED_META):
        yield f"{container.name}: more SERVICE_ keys than Consul takes as Meta, the last ones are left out"
