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
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from ..core.labels import PORT_LABEL, REGISTERED_LABEL, SPEC_LABEL
from ..core.names import is_dns_label
from ..ports.catalog import HASH_META, OWNER_META, SPEC_META, TASK_META
from .checks import checks_of, unknown_keys
from .container import Binding, Container
from .service_options import ContainerOptions, ServiceOptions

Definition = dict[str, Any]

_RESERVED_META = frozenset({OWNER_META, HASH_META, "container", "swarm_service", TASK_META, "swarm_node", SPEC_META})
# Consul refuses the whole registration when one Meta pair breaks these.
_META_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_META_VALUE_LENGTH = 512
_META_PAIRS = 64


@dataclass(frozen=True, slots=True)
class Node:
    """Where the containers run. C(name) marks what is ours; C(address) is registered for ports on all addresses.

    C(swarm_names): containers of Swarm services that have no SERVICE_NAME are registered under the service's name.
    C(meta_keys): the C(SERVICE_<KEY>) that go to Meta, in lower case.
    """

    name: str
    address: str
    swarm_names: bool = False
    meta_keys: AbstractSet[str] = frozenset()

    @property
    def family(self) -> int:
        """4 or 6: only bindings of the address' family are registered, Docker may choose other ports for the other."""
        return ipaddress.ip_address(self.address).version


# An address, a port and a protocol of this node.
Place = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one container asks for: Consul service definitions (Consul's JSON) and what is worth a warning.

    C(places) are where these are answered, in the same order.
    """

    definitions: tuple[Definition, ...] = ()
    warnings: tuple[str, ...] = ()
    drain: bool = True
    places: tuple[Place, ...] = ()


def findings(container: Container, node: Node) -> Findings:
    """The services of one container, whether or not it may serve now (C(absence) is the caller's business)."""
    options = ContainerOptions(container.environment, container.labels, node.meta_keys)
    definitions: list[Definition] = []
    places: list[Place] = []
    warnings: list[str] = []
    drain = True
    several_ports = len({(b.container_port, b.protocol) for b in container.bindings}) > 1
    for binding in container.bindings:
        service = options.for_port(binding.container_port, binding.protocol)
        if (colored := _colored(container, binding, service)) is not None:
            warnings += _ignored(container, service, colored)
            service = colored
        name = _name(service, container, binding, node, several_ports)
        if service.ignore or name is None:
            continue
        bound, address = _bound(binding, node), _address(service, binding, node)
        if bound is None or address is None:
            continue
        drain = drain and service.drain
        warnings += _warnings(container, service, name)
        definitions.append(_definition(container, service, binding, node, name, address))
        places.append((bound, binding.host_port, binding.protocol))
    return Findings(tuple(definitions), tuple(dict.fromkeys(warnings)), drain, tuple(places))


def answering(containers: Iterable[tuple[Container, Findings]], node: Node) -> dict[Place, str]:
    """Which container answers at each place of the node, by its id; whether or not it may serve now.

    Docker's views of two containers are not of one moment, so two may show the same port. Docker gives a port to one
    only, so it is the one that started last. On the host's network a program may expose a port that it does not get:
    what Docker holds is another's, and else the first of those that want to be found there listens.
    """
    claims: dict[Place, list[tuple[Binding, Container]]] = {}
    for container, found in containers:
        for binding in container.bindings if container.runs else ():
            if (bound := _bound(binding, node)) is None:
                continue
            place = (bound, binding.host_port, binding.protocol)
            if binding.held or place in found.places:
                claims.setdefault(place, []).append((binding, container))
    return {place: _answers(claim).id for place, claim in claims.items()}


def _answers(claims: list[tuple[Binding, Container]]) -> Container:
    held = [container for binding, container in claims if binding.held]
    if held:
        return max(held, key=lambda container: container.started)
    return min((container for _binding, container in claims), key=lambda container: container.started)


def by_id(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """All definitions of a node by id, each with its own hash in Meta, by which an unchanged one is recognised.

    Definitions that would share an id (one SERVICE_ID for several ports or containers) get address and port added.
    A coloured service keeps its own.
    """
    definitions = list(definitions)
    count = Counter(definition["ID"] for definition in definitions)
    found = {}
    for definition in definitions:
        key = definition["ID"]
        if count[key] > 1 and SPEC_META not in definition["Meta"]:
            key = f"{key}:{definition['Address']}:{definition['Port']}"
        found[key] = _sealed({**definition, "ID": key})
    return found


def _sealed(definition: Definition) -> Definition:
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {**definition, "Meta": {**definition["Meta"], HASH_META: digest}}


def _colored(container: Container, binding: Binding, service: ServiceOptions) -> ServiceOptions | None:
    """What a release said of this port of its colour's container, None where it is no such container.

    Names, ids, addresses and checks of the old registrator's conventions would break the release, from wherever they
    come: a base image has them as well. Tags and Meta harm nobody.
    """
    name = container.labels.get(REGISTERED_LABEL) if container.swarm else None
    if not name:
        return None
    main = (container.labels.get(PORT_LABEL), "tcp") == (str(binding.container_port), binding.protocol)
    own = name if main else f"{name}-{binding.container_port}"
    return ServiceOptions(name=own, name_is_for_port=True, tags=service.tags, meta=service.meta)


def _ignored(container: Container, given: ServiceOptions, colored: ServiceOptions) -> Iterator[str]:
    """A sentence on keys that mean nothing here; the release itself gives the name to other registrators."""
    own = (container.labels[REGISTERED_LABEL], colored.name)
    if keys := [f"SERVICE_{key}" for key in given.given if key != "NAME" or given.name not in own]:
        yield f"{container.name}: a release decides how it is registered, so {', '.join(keys)} is ignored"


def _name(
    service: ServiceOptions, container: Container, binding: Binding, node: Node, several_ports: bool
) -> str | None:
    name = service.name or (container.swarm.get("service") if node.swarm_names else None)
    if name is None or service.name_is_for_port or not several_ports:
        return name
    return f"{name}-{binding.container_port}"


def _address(service: ServiceOptions, binding: Binding, node: Node) -> str | None:
    """The address to register: the one that was given, in the family of the port that answers there."""
    bound = _bound(binding, node)
    if bound is None or not service.address:
        return bound
    try:
        given = ipaddress.ip_address(service.address)
    except ValueError:
        return service.address  # A name, whatever it means.
    return service.address if given.version == ipaddress.ip_address(bound).version else None


def _bound(binding: Binding, node: Node) -> str | None:
    """Where the port answers, None when it cannot be reached under the node's address family or at all."""
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
    # Only TCP goes without saying: the same number of another protocol is another port.
    other = binding.protocol if binding.protocol != "tcp" else ""
    checks = checks_of(service.check, f"[{address}]" if ":" in address else address, binding.host_port)
    definition: Definition = {
        "ID": service.id or f"{node.name}:{container.name}:{binding.host_port}{other and f':{other}'}",
        "Name": name,
        "Address": address,
        "Port": binding.host_port,
        "Tags": [*service.tags, *([other] if other and other not in service.tags else [])],
        "Meta": {
            **_allowed_meta(service.meta),
            OWNER_META: node.name,
            "container": container.id,
            **{f"swarm_{key}": value for key, value in container.swarm.items()},
            **({SPEC_META: spec} if container.swarm and (spec := container.labels.get(SPEC_LABEL)) else {}),
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


def meta_key_problem(key: str) -> str | None:
    """What is wrong with a key for Meta, None when nothing is."""
    return _meta_problem(key, "")


def _warnings(container: Container, service: ServiceOptions, name: str) -> Iterator[str]:
    if not is_dns_label(name.lower()):
        yield f"{container.name}: the service name '{name}' cannot be looked up by DNS"
    for key in unknown_keys(service.check):
        yield f"{container.name}: SERVICE_CHECK_{key} is not supported and left out"
    for key, value in service.meta.items():
        if problem := _meta_problem(key, value):
            yield f"{container.name}: Meta {key} {problem} and left out"
    if len(service.meta) > _META_PAIRS - len(_RESERVED_META):
        yield f"{container.name}: more Meta than Consul takes, the last keys are left out"
