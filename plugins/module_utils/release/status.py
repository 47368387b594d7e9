# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What an operator wants to see of a service, and where record, Swarm and proxies disagree.

Also of one that nothing runs for any more: what is left of it is what takes a path away from others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.color import COLORS
from ..core.errors import DeliveryError, EngineError, RegistryUnreachableError
from ..core.names import service_name
from ..ports.engine import Engine, ServiceState
from ..ports.fleet import Acknowledgement, Snapshot
from ..ports.store import Store
from .keys import Keys
from .known_targets import Target, owner_of, removal_command
from .lock import Holder
from .record import ReleaseRecord
from .release import Release, released_name
from .stored_route import stored_routes
from .truth import Truth


def nothing_runs(truth: Truth, record: ReleaseRecord, *, runs_in_place: bool = False) -> bool:
    """Whether there is a route or a record, and no service for it."""
    return not truth.services and not runs_in_place and (truth.route is not None or not record.is_empty)


def drift(truth: Truth, record: ReleaseRecord, *, runs_in_place: bool = False) -> list[str]:
    """One sentence for each thing that is not as the others say it is; empty when all agree."""
    said: list[str] = []
    if nothing_runs(truth, record, runs_in_place=runs_in_place):
        left = [
            *(["route"] if truth.route is not None else []),
            *(["release record"] if not record.is_empty else []),
        ]
        command = removal_command((record.project, record.target))
        said.append(f"nothing runs for its {' and '.join(left)}: deploy it, or take it away with {command}")
    route, recorded = truth.route, record.live.color if record.live is not None else None
    if route is not None and recorded != route.split.live:
        said.append(f"the route sends users to {route.split.live}, the record says {recorded or 'nothing'} is live")
    if record.candidate is not None and truth.running.get(record.candidate.color, 0) == 0:
        said.append(f"the recorded candidate {record.candidate.color} does not run")
    for color, expected in (route.instances if route is not None else {}).items():
        running = truth.running.get(color, 0)
        if running != expected:
            said.append(f"{color}: {running} instances run, the route expects {expected}")
    for name, proxy in sorted(truth.fleet.items()):
        if not proxy.alive:
            said.append(f"proxy {name} has no heartbeat")
            continue
        answer = proxy.acknowledgement(truth.service)
        if route is None:
            if answer is not None:
                error = f": {answer.error}" if answer.error else ""
                said.append(f"proxy {name} {_leftover(truth, record, answer)}{error}")
            continue
        if answer is None:
            said.append(f"proxy {name} does not know the service")
            continue
        if answer.error:
            said.append(f"proxy {name} refuses the route: {answer.error}")
        if answer.revision != route.revision:
            said.append(f"proxy {name} is at revision {answer.revision}, the route at {route.revision}")
        if answer.live != route.split.live:
            said.append(f"proxy {name} sends users to {answer.live}, the route to {route.split.live}")
        served, running = answer.color(route.split.live), truth.running.get(route.split.live, 0)
        if served.up != running:
            said.append(f"proxy {name} has {served.up} instances of {route.split.live} up, {running} run{served.why}")
    return said


def _leftover(truth: Truth, record: ReleaseRecord, answer: Acknowledgement) -> str:
    command = removal_command((record.project, record.target))
    if truth.tombstone is not None and answer.revision > truth.tombstone.revision:
        return "has a newer route than Consul, which went back: rebuild it with playbooks/adopt.yml"
    if truth.tombstone is not None:
        return f"has not given up the route that was removed (run {command} again)"
    return f"keeps a route that Consul has lost (rebuild it with playbooks/adopt.yml, or take it away with {command})"


def shown_targets(
    engine: Engine, store: Store, prefix: str, fleet: Snapshot, recorded: Mapping[str, Target]
) -> dict[str, Target]:
    """Project and target, by service, of all that runs in colours, is recorded, is routed, or is kept by a proxy."""
    running = {
        name: owner
        for owner in engine.colored_targets()
        if (name := released_name(engine, *owner) or _default_name(owner))
    }
    routed = stored_routes(store, Keys(prefix, ""))
    kept = {service for proxy in fleet.values() for service in proxy.services}
    others = {service: owner_of(service, {}) for service in {*routed, *kept} if _is_service_name(service)}
    return {**others, **running, **recorded}


def _is_service_name(name: str) -> bool:
    return _default_name(owner_of(name, {})) == name


def _default_name(owner: Target) -> str | None:
    """None where project and target make no valid name."""
    try:
        return service_name(*owner)
    except DeliveryError:
        return None


def proxies(fleet: Snapshot) -> dict[str, dict[str, Any]]:
    """What each proxy says of itself, and the reasons why it does not take a route, by service."""
    return {
        name: {
            "address": proxy.address,
            "alive": proxy.alive,
            "member": proxy.member,
            "notes": list(proxy.notes),
            "errors": {service: said.error for service, said in sorted(proxy.services.items()) if said.error},
        }
        for name, proxy in sorted(fleet.items())
    }


def status(release: Release) -> dict[str, Any]:
    """The record, what runs, what the proxies serve, who holds the lock, and the drift between them."""
    truth = release.truth()
    record = release.record.read()
    lock = release.store.get(release.keys.lock)
    holder = Holder.from_json(lock.value) if lock is not None and lock.session is not None else None
    in_place = release.color_service(None)
    if in_place is not None and not in_place.spec:
        in_place = None  # a side target of others
    return {
        "project": release.project,
        "target": release.target,
        "service": release.service,
        "live": truth.live,
        "candidate": record.candidate.color if record.candidate is not None else None,
        "colors": {
            color: {
                "swarm_service": service.name,
                "image": service.image,
                "image_id": service.image_id,
                "replicas": service.replicas,
                "running": truth.running.get(color, 0),
                "addresses": _addresses(release, color),
            }
            for color in COLORS
            if (service := truth.services.get(color)) is not None
        },
        "in_place": None if in_place is None else _running_in_place(release, in_place),
        "route": None
        if truth.route is None
        else {name: value for name, value in truth.route.to_document().items() if name != "preview"},
        "proxies": {
            name: {"address": proxy.address, "alive": proxy.alive, **_answer(truth, name)}
            for name, proxy in truth.fleet.items()
        },
        "record": record.to_document(release.service),
        "lock": None
        if holder is None
        else {"owner": holder.owner, "since": holder.since, "stage": holder.stage, "run": holder.run},
        "drift": drift(truth, record, runs_in_place=in_place is not None),
    }


def status_or_why_not(release: Release) -> dict[str, Any]:
    """As status(); of a target whose record or route is damaged only that, so that the others can still be seen."""
    try:
        return status(release)
    except (RegistryUnreachableError, EngineError):
        raise
    except DeliveryError as error:
        return {
            "project": release.project,
            "target": release.target,
            "service": release.service,
            "live": None,
            "candidate": None,
            "colors": {},
            "in_place": None,
            "route": None,
            "proxies": {},
            "record": None,
            "lock": None,
            "drift": [str(error)],
        }


def _running_in_place(release: Release, service: ServiceState) -> dict[str, Any]:
    return {
        "swarm_service": service.name,
        "image": service.image,
        "replicas": service.replicas,
        "running": len(release.engine.running(service)),
    }


def _addresses(release: Release, color: str) -> list[str]:
    return sorted(f"{instance.address}:{instance.port}" for instance in release.registered(color) if instance.passing)


def _answer(truth: Truth, proxy: str) -> dict[str, Any]:
    said = truth.fleet[proxy].acknowledgement(truth.service)
    if said is None:
        return {"live": None, "revision": 0, "error": None, "colors": {}}
    return {
        "live": said.live,
        "revision": said.revision,
        "error": said.error,
        "colors": {
            color: {"servers": one.servers, "up": one.up, "open": one.open} for color, one in said.colors.items()
        },
    }
