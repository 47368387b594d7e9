# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What an operator wants to see of a service, and where record, Swarm and proxies disagree."""

from __future__ import annotations

from typing import Any

from ..core.color import COLORS
from ..core.errors import DeliveryError, EngineError, RegistryUnreachableError
from .lock import Holder
from .record import ReleaseRecord
from .release import Release
from .truth import Truth


def drift(truth: Truth, record: ReleaseRecord) -> list[str]:
    """One sentence for each thing that is not as the others say it is; empty when all agree."""
    said: list[str] = []
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
                said.append(f"proxy {name} serves a route that does not exist any more")
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


def status(release: Release) -> dict[str, Any]:
    """The record, what runs, what the proxies serve, who holds the lock, and the drift between them."""
    truth = release.truth()
    record = release.record.read()
    lock = release.store.get(release.keys.lock)
    holder = Holder.from_json(lock.value) if lock is not None and lock.session is not None else None
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
        "drift": drift(truth, record),
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
            "route": None,
            "proxies": {},
            "record": None,
            "lock": None,
            "drift": [str(error)],
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
