# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the proxy tells the fleet: which revision of each route is in effect, and what each colour has to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.color import COLORS
from ...core.names import color_name
from ...routes.route import Route
from ..driver import Counts, Generation, Servers, backends_of

SCHEMA = 1
# How many servers' failing checks are told: what is published has to stay small.
_MOST_FAILING_OF_A_COLOR = 3
_MOST_FAILING = 100


@dataclass(frozen=True, slots=True)
class Effect:
    """What is in effect on this proxy.

    C(routes): by service, in the proxy's memory and files. C(errors): why a newer version is not. C(servers): as the
    current generation has them. C(generations): none when the proxy is away. C(pending): something is left to be done.
    C(lost): services whose routes Consul does not have any more; whoever rebuilds it finds them in what is published.
    C(written): the revisions that Consul has. C(live): by service, what users get where that may be something else than
    its route says. C(removed): services whose routes were removed and left nothing here, by service, the revision that
    said so.
    """

    routes: Mapping[str, Route] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    servers: Servers = field(default_factory=dict)
    generations: tuple[Generation, ...] = ()
    notes: Sequence[str] = ()
    pending: bool = False
    lost: Collection[str] = ()
    written: Mapping[str, int] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)


def document(proxy: str, provider: str, effect: Effect, counts: Counts) -> dict[str, Any]:
    """The JSON object that is published, less its C(order)."""
    room = [_MOST_FAILING]
    current = next((generation for generation in effect.generations if generation.current), None)
    version = current.version if current else None
    return {
        "schema": SCHEMA,
        "id": proxy,
        "provider": provider,
        "version": version,
        provider: version,  # where readers of schema 1 look for it
        "workers": [{"pid": one.pid, "current": one.current} for one in effect.generations],
        "notes": list(effect.notes),
        "services": {
            service: _service(service, effect, counts, room) for service in sorted({*effect.routes, *effect.errors})
        },
        "removed": {
            service: {"revision": revision, "open": _open(service, counts)}
            for service, revision in sorted(effect.removed.items())
        },
    }


def is_busy(effect: Effect, counts: Counts) -> bool:
    """Whether numbers that somebody may wait for are about to change."""
    for service, route in effect.routes.items():
        for color in COLORS:
            backend = color_name(service, color)
            servers = effect.servers.get(backend, {})
            if (color != route.split.live or route.draining) and counts.open.get(backend, 0):
                return True
            if len(counts.up.get(backend, ())) < len(servers):
                return True
    return any(_open(service, counts) for service in effect.removed)


def _open(service: str, counts: Counts) -> int:
    """Requests of a service, over both colours and all generations: those that were open when its route was removed
    end in a generation that still knows it."""
    return sum(counts.open.get(backend, 0) for backend in backends_of(service))


def _service(service: str, effect: Effect, counts: Counts, room: list[int]) -> dict[str, Any]:
    route = effect.routes.get(service)
    # Whoever rebuilds the store reads here what it does not hold, or not this version of.
    elsewhere = service in effect.lost or service in effect.errors
    kept: dict[str, Any] = {"route": route.to_document()} if route is not None and elsewhere else {}
    if service in effect.lost:
        kept["lost"] = True
    return {
        **kept,
        "revision": route.revision if route else 0,
        "error": effect.errors.get(service),
        "written": effect.written.get(service),
        "live": effect.live.get(service, route.split.live if route else None),
        "colors": {color: _color(color_name(service, color), effect, counts, room) for color in COLORS}
        if route
        else {},
    }


def _color(backend: str, effect: Effect, counts: Counts, room: list[int]) -> dict[str, Any]:
    servers = effect.servers.get(backend, {})
    configured = {name for name, state in servers.items() if not state.drained and not state.maintenance}
    up = counts.up.get(backend, set())
    failing = [
        {"place": servers[name].place, "kind": check.kind, "got": check.text}
        for name in sorted(configured - up)
        if (check := counts.failing.get((backend, name))) is not None
    ][: min(_MOST_FAILING_OF_A_COLOR, room[0])]
    room[0] -= len(failing)
    drained = [name for name, state in servers.items() if state.drained and not state.maintenance]
    return {
        "servers": len(configured),
        "up": len(configured & up),
        "open": counts.open.get(backend, 0),
        "draining": sum(counts.servers.get((backend, name), 0) for name in drained),
        **({"failing": failing} if failing else {}),
    }
