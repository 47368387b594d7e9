# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One pass: from what Consul says and what HAProxy has to what HAProxy should have, however the two got there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..consul.registry import Instance
from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.names import color_name
from ..routes.route import Route
from .acceptance import Acceptance, accept
from .acknowledgement import Effect
from .atomic_files import locked, write_if_changed
from .endpoint import Endpoint
from .haproxy import servers as worker_servers
from .haproxy.answers import ServerState
from .haproxy.config import backends, render, structure_digest
from .haproxy.installation import check_text, find_culprits, install, proven
from .haproxy.loaded_maps import Maps
from .haproxy.sockets import HaproxyAwayError, MasterSocket, Worker
from .judgement import followed_colors, judge
from .last_good import LastGood
from .proxy_settings import Settings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What Consul says: C(routes) is (index, JSON by service), None before it ever answered."""

    routes: tuple[int, dict[str, str]] | None
    instances: Callable[[str], Sequence[Instance] | None]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Pass:
    """What one pass found out."""

    routes: dict[str, Route]
    errors: dict[str, str]
    notes: list[str]
    desired: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    pending: bool = False


class Reconciler:
    """Keeps what was last in effect and what HAProxy refused; everything else is read anew in each pass."""

    def __init__(self, settings: Settings, master: MasterSocket) -> None:
        self._settings = settings
        self._paths = settings.paths
        self._master = master
        self._last_good = LastGood.read(settings.paths.last_good)
        self._desired: dict[str, tuple[Endpoint, ...]] = dict(self._last_good.servers)
        self._refused: tuple[str, dict[str, str]] = ("", {})
        self.pending = False

    def retry_refused(self) -> None:
        """Give a configuration that HAProxy refused another chance in the next pass."""
        self._refused = ("", {})

    def accept(self, seen: Seen) -> Acceptance:
        """The routes that should be in effect."""
        if seen.routes is None:
            return Acceptance(dict(self._last_good.routes))
        index, documents = seen.routes
        self._last_good.expect_what_was_lost(index, documents)
        return accept(self._last_good.with_orphans(documents), self._last_good.routes)

    def run(self, seen: Seen) -> Effect:
        """Do what is missing. Raises DeliveryError when HAProxy cannot be asked; nothing is assumed then."""
        acceptance = self.accept(seen)
        state = _Pass(dict(acceptance.routes), dict(acceptance.errors), [*seen.notes, *self._orphans()])
        try:
            worker = self._master.current()
            with locked(self._paths.lock):
                worker = self._apply(worker, state, seen)
            servers = worker.servers()
            workers = self._master.workers()
        except HaproxyAwayError as error:
            errors = {**dict.fromkeys(self._last_good.routes, str(error)), **state.errors}
            return Effect(dict(self._last_good.routes), errors, {}, (), [*state.notes, str(error)])
        self.pending = state.pending
        return Effect(dict(self._last_good.routes), state.errors, servers, workers, state.notes)

    def _apply(self, worker: Worker, state: _Pass, seen: Seen) -> Worker:
        # Maps first: a flip waits for nothing.
        problem = self._map(worker, state)
        servers = worker.servers()
        self._judge(state, seen, servers)
        reloaded = self._restructure(worker, state)
        if reloaded is not None:
            worker, servers = reloaded, reloaded.servers()
            problem = self._map(worker, state)
        self._serve(worker, state, servers)
        try:
            self._record_servers(worker, state, servers)
        except DeliveryError as error:
            problem = problem or str(error)
        if problem is None:
            self._remember(worker, state)
        else:
            state.notes.append(problem)
            for service in self._changed(state.routes):
                state.errors.setdefault(service, problem)
        return worker

    def _map(self, worker: Worker, state: _Pass) -> str | None:
        """Maps in files and memory, for the services that this worker has backends for; what went wrong, or None."""
        available = worker.backends()
        routes = [route for route in state.routes.values() if available.issuperset(backends([route.service]))]
        wanted = Maps.of(routes)
        try:
            wanted.write(self._paths)
            wanted.load(worker, self._paths)
        except HaproxyAwayError:
            raise
        except DeliveryError as error:
            return str(error)
        return None

    def _judge(self, state: _Pass, seen: Seen, actual: Mapping[str, Mapping[str, ServerState]]) -> None:
        for service, route in state.routes.items():
            followed = followed_colors(route)
            for color in COLORS:
                name = color_name(service, color)
                if color not in followed:
                    state.desired[name] = ()
                    continue
                states = actual.get(name, {})
                before = self._desired.get(name) or _endpoints(states)
                up = {server for server, found in states.items() if found.running and not found.maintenance}
                judgement = judge(name, seen.instances(name), before, followed[color], up)
                state.desired[name] = judgement.servers
                state.notes.extend(judgement.notes)
        self._desired = dict(state.desired)

    def _restructure(self, worker: Worker, state: _Pass) -> Worker | None:
        """Reload when the structure differs; the new worker, None when the old one stays."""
        running = worker.structure()
        wanted = structure_digest(self._settings, state.routes.values())
        if wanted == running:
            return None
        if self._refused[0] == wanted:
            self._fall_back(state, self._refused[1])
            return None
        culprits: dict[str, str] = {}
        try:
            problem = check_text(self._settings, render(self._settings, state.routes.values(), {}))
            if problem is not None:
                LOG.warning("haproxy -c: %s", problem)
                suspects = [state.routes[service] for service in self._restructured(state.routes)]
                culprits = find_culprits(self._settings, self._last_good.routes, suspects)
                culprits = culprits or self._blame(state.routes, problem)
                self._refuse(state, wanted, culprits)
                if structure_digest(self._settings, state.routes.values()) == running:
                    return None
            Maps.of(list(state.routes.values())).write(self._paths)
            LOG.info("reloading HAProxy: its configuration has changed")
            return install(self._settings, self._master, state.routes.values(), state.desired)
        except HaproxyAwayError:
            raise
        except DeliveryError as error:
            LOG.warning("the configuration stays as it was: %s", error)
            state.notes.append(str(error))
            self._refuse(state, wanted, {**self._blame(state.routes, str(error)), **culprits})
            self._map(worker, state)
            return None

    def _refuse(self, state: _Pass, digest: str, errors: dict[str, str]) -> None:
        self._refused = (digest, errors)
        self._fall_back(state, errors)

    def _fall_back(self, state: _Pass, errors: Mapping[str, str]) -> None:
        for service, problem in errors.items():
            state.errors[service] = problem
            state.routes.pop(service, None)
            if service in self._last_good.routes:
                state.routes[service] = self._last_good.routes[service]

    def _serve(self, worker: Worker, state: _Pass, servers: Mapping[str, Mapping[str, ServerState]]) -> None:
        available = worker.backends()
        traffic = worker.traffic()
        for service, route in state.routes.items():
            for backend in backends([service]):
                if backend not in available:
                    continue
                desired = state.desired.get(backend, ())
                try:
                    state.pending |= worker_servers.reconcile(
                        worker, backend, desired, route.draining, servers.get(backend, {}), traffic
                    )
                except HaproxyAwayError:
                    raise
                except DeliveryError as error:
                    state.notes.append(f"{backend}: {error}")

    def _record_servers(self, worker: Worker, state: _Pass, servers: Mapping[str, Mapping[str, ServerState]]) -> None:
        """The configuration file lists the servers that are up; a structure that is not in force stays out of it."""
        routes = state.routes.values()
        if structure_digest(self._settings, routes) == worker.structure():
            write_if_changed(self._paths.config, render(self._settings, routes, proven(state.desired, servers)))

    def _remember(self, worker: Worker, state: _Pass) -> None:
        """What is in effect now becomes the last good; what is not yet keeps its last good version."""
        available = worker.backends()
        good = self._last_good
        for service in set(good.routes) - set(state.routes):
            if not available.intersection(backends([service])):
                del good.routes[service]
        for service, route in state.routes.items():
            if available.issuperset(backends([service])):
                good.routes[service] = route
        good.servers = {name: servers for name, servers in state.desired.items() if servers}
        try:
            good.write(self._paths.last_good)
        except DeliveryError as error:
            state.notes.append(str(error))

    def _changed(self, routes: Mapping[str, Route]) -> list[str]:
        return [service for service, route in routes.items() if self._last_good.routes.get(service) != route]

    def _restructured(self, routes: Mapping[str, Route]) -> list[str]:
        """The services whose own part of the configuration differs from the last good one."""
        good = self._last_good.routes
        return [
            service
            for service, route in routes.items()
            if service not in good
            or structure_digest(self._settings, [route]) != structure_digest(self._settings, [good[service]])
        ]

    def _blame(self, routes: Mapping[str, Route], problem: str) -> dict[str, str]:
        return dict.fromkeys(self._restructured(routes), problem)

    def _orphans(self) -> list[str]:
        return [
            f"Consul has lost the route of '{service}', the last known one stays: run the stage proxy again"
            for service in sorted(self._last_good.orphans)
        ]


def _endpoints(states: Mapping[str, ServerState]) -> tuple[Endpoint, ...]:
    found = []
    for state in states.values():
        if not state.drained and not state.maintenance:
            try:
                found.append(Endpoint.parse(state.place))
            except ValueError:
                LOG.warning("server %s has no usable address: %s", state.name, state.place)
    return tuple(sorted(found))
