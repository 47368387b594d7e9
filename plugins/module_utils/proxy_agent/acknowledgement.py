# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the proxy tells the fleet: which revision of each route is in effect, and what each colour has to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.color import COLORS
from ..core.names import color_name
from ..routes.route import Route
from .haproxy.answers import ServerState, Traffic
from .haproxy.sockets import HaproxyAwayError, MasterSocket, Worker, WorkerProcess

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """Open requests per backend and per (backend, server), summed over all workers; the servers that are up, in the
    current one."""

    open: dict[str, int] = field(default_factory=dict)
    servers: dict[tuple[str, str], int] = field(default_factory=dict)
    up: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """What is in effect on this proxy.

    C(routes): by service, in the maps and files of the current configuration. C(errors): why a newer version is not.
    C(servers): by backend, as the current worker has them.
    """

    routes: Mapping[str, Route] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    servers: Mapping[str, Mapping[str, ServerState]] = field(default_factory=dict)
    workers: Sequence[WorkerProcess] = ()
    notes: Sequence[str] = ()


def count(master: MasterSocket, workers: Iterable[WorkerProcess]) -> Counts:
    """Count in every worker; an old one that has just ended has nothing left to count."""
    counts = Counts()
    for process in workers:
        try:
            traffic: Traffic = Worker(master, process).traffic()
        except HaproxyAwayError:
            if process.current:
                raise
            continue
        for backend, requests in traffic.backends.items():
            counts.open[backend] = counts.open.get(backend, 0) + requests
        for server, requests in traffic.servers.items():
            counts.servers[server] = counts.servers.get(server, 0) + requests
        if process.current:
            counts.up.update(traffic.up)
    return counts


def document(proxy: str, effect: Effect, counts: Counts) -> dict[str, Any]:
    """The JSON object that is published."""
    current = next((process for process in effect.workers if process.current), None)
    return {
        "schema": SCHEMA,
        "id": proxy,
        "haproxy": current.version.split("-")[0] if current else None,
        "workers": [{"pid": process.pid, "current": process.current} for process in effect.workers],
        "notes": list(effect.notes),
        "services": {
            service: _service(service, effect, counts) for service in sorted({*effect.routes, *effect.errors})
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
    return False


def _service(service: str, effect: Effect, counts: Counts) -> dict[str, Any]:
    route = effect.routes.get(service)
    return {
        "revision": route.revision if route else 0,
        "error": effect.errors.get(service),
        "live": route.split.live if route else None,
        "colors": {color: _color(color_name(service, color), effect, counts) for color in COLORS} if route else {},
    }


def _color(backend: str, effect: Effect, counts: Counts) -> dict[str, int]:
    servers = effect.servers.get(backend, {})
    configured = {name for name, state in servers.items() if not state.drained and not state.maintenance}
    drained = [name for name, state in servers.items() if state.drained and not state.maintenance]
    return {
        "servers": len(configured),
        "up": len(configured & counts.up.get(backend, set())),
        "open": counts.open.get(backend, 0),
        "draining": sum(counts.servers.get((backend, name), 0) for name in drained),
    }
