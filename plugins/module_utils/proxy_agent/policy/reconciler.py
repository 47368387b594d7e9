# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One pass: from what should be and what the proxy has to what it should have, however the two got there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...core.errors import DeliveryError
from ...routes.route import Route
from ..atomic_files import DiskError, locked, require_room
from ..driver import ProxyAwayError, ProxyDriver, RunningProxy, Servers, ServerState, Wanted, backends_of
from ..endpoint import Endpoint
from ..proxy_settings import Paths
from ..report.acknowledgement import Effect
from .desired_servers import Instances, Known, desired_servers
from .intent import Intent
from .last_good import LastGood
from .restructuring import Restructuring, fall_back, restructured_services

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pass:
    """What one pass found out."""

    routes: Mapping[str, Route]
    errors: dict[str, str]
    notes: list[str]
    removed: Mapping[str, int] = field(default_factory=dict)
    desired: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    pending: bool = False
    live: Mapping[str, str] = field(default_factory=dict)


class Reconciler:
    """Keeps what was last in effect and what the proxy refused; everything else is read anew in each pass."""

    def __init__(self, driver: ProxyDriver, paths: Paths) -> None:
        self._driver = driver
        self._paths = paths
        self._restructuring = Restructuring(driver)
        self._last_good = LastGood.read(paths.last_good)
        self._desired: Mapping[str, tuple[Endpoint, ...]] = dict(self._last_good.servers)
        self._undone = ""

    @property
    def last_good(self) -> LastGood:
        """What was last in effect."""
        return self._last_good

    def retry_refused(self) -> None:
        """Give a structure that the proxy refused another chance in the next pass."""
        self._restructuring.retry_refused()

    def run(self, intent: Intent, instances: Instances, notes: Sequence[str] = ()) -> Effect:
        """Do what is missing. Raises DeliveryError when the proxy cannot be asked; nothing is assumed then."""
        self._last_good = intent.good
        state = _Pass(intent.routes, dict(intent.errors), [*notes, *intent.notes], intent.removed)
        try:
            running = self._driver.running()
            with locked(self._paths.lock):
                running = self._apply(running, state, instances)
            servers = running.servers()
            generations = self._driver.generations()
        except ProxyAwayError as error:
            errors = {**dict.fromkeys(self._last_good.routes, str(error)), **state.errors}
            notes = [*state.notes, str(error)]
            routes, gone = self._last_good.routes, self._gone(intent)
            return Effect(routes, errors, {}, (), notes, False, intent.lost, intent.revisions, removed=gone)
        return Effect(
            self._last_good.routes,
            state.errors,
            servers,
            generations,
            state.notes,
            state.pending,
            intent.lost,
            intent.revisions,
            state.live,
            self._gone(intent),
        )

    def _apply(self, running: RunningProxy, state: _Pass, instances: Instances) -> RunningProxy:
        self._require_room(running, state)
        # The switch first: a flip waits for nothing. What needs a restructure waits for that, which may be refused.
        switched = self._without_restructuring(state.routes)
        problem = _switch(running, switched)
        servers = running.servers()
        self._judge(state, instances, servers)
        restructured = self._restructuring.run(running, state.routes, state.desired, self._last_good.routes)
        state.routes = restructured.routes
        state.errors.update(restructured.errors)
        state.notes.extend(restructured.notes)
        if restructured.undone:
            self._undone = "; ".join(restructured.notes)
        if restructured.successor is not None:
            self._undone = ""
            running, servers = restructured.successor, restructured.successor.servers()
        if restructured.successor is not None or restructured.undone or state.routes != switched:
            problem = _switch(running, state.routes)
        served = running.serve(_wanted(state), servers)
        state.pending = served.pending
        state.notes.extend(f"{backend}: {reason}" for backend, reason in served.problems.items())
        try:
            running.record(state.routes.values(), state.desired, servers)
        except DeliveryError as error:
            problem = problem or str(error)
        problem = problem or self._remember(running, state)
        if problem is not None:
            self._report(problem, state)
            state.live = running.live()
        for service in set(state.removed) & set(self._last_good.routes):
            reason = problem or self._undone or "its backends are still there"
            state.errors.setdefault(service, f"the route could not be removed: {reason}")
        return running

    def _gone(self, intent: Intent) -> dict[str, int]:
        """Of the removed routes those that left nothing here: what is refused or undone is no removal."""
        return {
            service: revision for service, revision in intent.removed.items() if service not in self._last_good.routes
        }

    def _require_room(self, running: RunningProxy, state: _Pass) -> None:
        """Where there is no room on the disk for what changes, nothing changes: half a flip is worse than none."""
        good = self._last_good.routes
        changed = [service for service, route in state.routes.items() if good.get(service) != route]
        changed += [service for service in state.removed if service in good]
        if not changed:
            return
        try:
            require_room(self._paths.directory)
        except DiskError as error:
            backends = running.backends()
            # What runs without being known, because the files are lost, goes on.
            refused = [service for service in changed if service in good or not backends >= set(backends_of(service))]
            state.notes.append(str(error))
            removal = f"the route could not be removed: {error}"
            state.errors.update({one: removal if one in state.removed else str(error) for one in refused})
            state.routes = fall_back(state.routes, good, refused)

    def _without_restructuring(self, routes: Mapping[str, Route]) -> Mapping[str, Route]:
        """The same, with the last good version of those that ask for another structure."""
        good = self._last_good.routes
        changed = {service: route for service, route in routes.items() if service in good and good[service] != route}
        waiting = restructured_services(changed, good, self._driver.structure_of)
        return {**routes, **{service: good[service] for service in waiting}}

    def _judge(self, state: _Pass, instances: Instances, actual: Servers) -> None:
        def known(backend: str) -> Known:
            states = actual.get(backend, {})
            before = self._desired.get(backend) or _endpoints(states)
            running = {name for name, found in states.items() if found.running and not found.maintenance}
            return Known(before, {server for server in before if self._driver.server_name(server) in running})

        state.desired, notes = desired_servers(state.routes.values(), instances, known)
        state.notes.extend(notes)
        self._desired = state.desired

    def _remember(self, running: RunningProxy, state: _Pass) -> str | None:
        """What is in effect now becomes the last good; what is not yet keeps its last good version.

        Returns why it could not be written: what a start would not know of is not in effect.
        """
        good = self._last_good.with_effect(state.routes, state.desired, running.backends())
        try:
            good.write(self._paths.last_good)
        except DiskError as error:
            return str(error)
        self._last_good = good
        return None

    def _report(self, problem: str, state: _Pass) -> None:
        state.notes.append(problem)
        for service, route in state.routes.items():
            if self._last_good.routes.get(service) != route:
                state.errors.setdefault(service, problem)


def _switch(running: RunningProxy, routes: Mapping[str, Route]) -> str | None:
    """What went wrong, or None."""
    try:
        running.switch(routes.values())
    except ProxyAwayError:
        raise
    except DeliveryError as error:
        return str(error)
    return None


def _wanted(state: _Pass) -> dict[str, Wanted]:
    return {
        backend: Wanted(state.desired.get(backend, ()), route.draining)
        for service, route in state.routes.items()
        for backend in backends_of(service)
    }


def _endpoints(states: Mapping[str, ServerState]) -> tuple[Endpoint, ...]:
    """Where the servers are that the proxy has in use."""
    found = []
    for state in states.values():
        if not state.drained and not state.maintenance:
            try:
                found.append(Endpoint.parse(state.place))
            except ValueError:
                LOG.warning("server %s has no usable address: %s", state.name, state.place)
    return tuple(sorted(found))
