# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in memory behind the driver port, as unkind as a real one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import (
    Counts,
    Desired,
    Generation,
    ProxyAwayError,
    ProxyDriver,
    Refusal,
    RunningProxy,
    Served,
    Servers,
    ServerState,
    Wanted,
    backends_of,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split


class BecameError(Exception):
    """This process would be the proxy now."""


@dataclass
class FakeDriver:
    """Implements ProxyDriver; begins as a proxy that runs without any route.

    It needs a restructure for another set of services or options, and waits with routes that it has no backends for.
    Servers that are added are down until C(checks_pass) is called; what is withdrawn is drained in one pass and gone in
    a later one, once C(open) has no request on it.

    C(away): nothing answers, as before the proxy has come up; C(goes_in): the call in which it dies. C(fails): by the
    name of a call (or C(serve <backend>)), what goes wrong in it. C(refuses): by service, what the proxy has against
    its route; by several, against having all of them. C(calls): what it was told; C(switched): where to, each time.
    """

    provider: str = "fake"
    title: str = "The fake"
    away: bool = False
    goes_in: str = ""
    can_start: bool = False
    fails: dict[str, DeliveryError] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    memory: dict[str, Split] = field(default_factory=dict)
    disk: dict[str, Split] = field(default_factory=dict)
    switched: list[dict[str, Split]] = field(default_factory=list)
    recorded: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    states: dict[str, dict[str, ServerState]] = field(default_factory=dict)
    open: dict[tuple[str, str], int] = field(default_factory=dict)
    processes: tuple[Generation, ...] = (Generation(11, True, "1.0"),)
    loaded: dict[str, Route] = field(default_factory=dict)

    # -- what a test does behind the agent's back ----------------------------------------------------------------

    def checks_pass(self) -> None:
        """Every server that is checked has proven itself."""
        for backend in self.states.values():
            for name, state in backend.items():
                backend[name] = replace(state, running=True, proven=True)

    def go_down(self, backend: str, endpoint: Endpoint) -> None:
        """This server's check fails."""
        state = self.states[backend][str(endpoint)]
        self.states[backend][str(endpoint)] = replace(state, running=False, proven=False)

    def restart(self) -> None:
        """Another process, with what is on disk."""
        self.away = False
        self.processes = (replace(self.processes[0], pid=self.processes[0].pid + 1),)
        self.memory = dict(self.disk)

    # -- the port ------------------------------------------------------------------------------------------------

    def server_name(self, endpoint: Endpoint) -> str:
        return str(endpoint)

    def structure_of(self, routes: Collection[Route]) -> str:
        return f"structure {sorted((route.service, route.options) for route in routes)}"

    def refusal(self, routes: Collection[Route]) -> Refusal | None:
        self.called("refusal")
        there = {route.service for route in routes}
        reasons = [reason for services, reason in self.refuses.items() if there.issuperset(services.split())]
        return Refusal("fake -c", reasons[0]) if reasons else None

    def running(self) -> RunningProxy:
        self.called("running", asks=True)
        return FakeRunning(self, self.processes[0].pid)

    def generations(self) -> tuple[Generation, ...]:
        self.called("generations", asks=True)
        return self.processes

    def counts(self, generations: Iterable[Generation]) -> Counts:
        counts = Counts()
        if not any(generation.current for generation in generations):
            return counts
        self.called("counts", asks=True)
        for backend, states in self.states.items():
            counts.open[backend] = sum(self.open.get((backend, name), 0) for name in states)
            counts.servers.update({(backend, name): self.open.get((backend, name), 0) for name in states})
            if up := {name for name, state in states.items() if state.up}:
                counts.up[backend] = up
        return counts

    def restructure(self, routes: Collection[Route], desired: Desired) -> RunningProxy:
        self.disk = {route.service: route.split for route in routes}
        self.called("restructure", asks=True)
        self.loaded = {route.service: route for route in routes}
        backends = {backend for service in self.loaded for backend in backends_of(service)}
        self.states = {backend: self.states.get(backend, {}) for backend in backends}
        self.memory = dict(self.disk)
        old = [replace(process, current=False) for process in self.processes]
        self.processes = (Generation(old[0].pid + 1, True, "1.0"), *old)
        return FakeRunning(self, self.processes[0].pid)

    def startable(self) -> bool:
        self.called("startable")
        return self.can_start

    def write_start(self, routes: Collection[Route], desired: Desired) -> None:
        self.called("write_start")
        self.disk = {route.service: route.split for route in routes}
        self.recorded = {backend: tuple(servers) for backend, servers in desired.items() if servers}

    def become(self) -> NoReturn:
        raise BecameError

    # -- inside --------------------------------------------------------------------------------------------------

    def called(self, call: str, *, asks: bool = False) -> None:
        """Note the call, and fail if it has to."""
        self.calls.append(call)
        self.away = self.away or call == self.goes_in
        if asks and self.away:
            raise ProxyAwayError("The fake does not answer")
        if call in self.fails:
            raise self.fails[call]


@dataclass
class FakeRunning:
    """Implements RunningProxy for one process of a FakeDriver."""

    driver: FakeDriver
    pid: int

    def structure(self) -> str:
        self._called("structure")
        return self.driver.structure_of(self.driver.loaded.values())

    def backends(self) -> set[str]:
        self._called("backends")
        return {backend for service in self.driver.loaded for backend in backends_of(service)}

    def servers(self) -> Servers:
        self._called("servers")
        return {backend: dict(states) for backend, states in self.driver.states.items()}

    def live(self) -> dict[str, str]:
        self._called("live")
        return {service: split.live for service, split in self.driver.memory.items()}

    def switch(self, routes: Collection[Route]) -> None:
        self._called("switch")
        split = {route.service: route.split for route in routes if route.service in self.driver.loaded}
        self.driver.disk, self.driver.memory = split, dict(split)
        self.driver.switched.append(split)

    def serve(self, wanted: Mapping[str, Wanted], seen: Servers) -> Served:
        self._called("serve")
        pending, problems = False, {}
        for backend, one in wanted.items():
            if backend not in self.driver.states:
                continue
            try:
                self._called(f"serve {backend}")
            except ProxyAwayError:
                raise
            except DeliveryError as error:
                problems[backend] = str(error)
            else:
                pending |= self._serve(backend, one)
        return Served(pending, problems)

    def record(self, routes: Collection[Route], desired: Desired, seen: Servers) -> None:
        self._called("record")
        self.driver.recorded = {backend: tuple(servers) for backend, servers in desired.items() if servers}

    def _serve(self, backend: str, wanted: Wanted) -> bool:
        states = self.driver.states[backend]
        names = {str(endpoint) for endpoint in wanted.servers}
        for name in names:
            state = states.get(name) or ServerState(name, name, False, False, False, True, False)
            states[name] = replace(state, drained=name in wanted.draining)
        for name in set(states) - names:
            if states[name].drained and not self.driver.open.get((backend, name)):
                del states[name]
            else:
                states[name] = replace(states[name], drained=True)
        return set(states) != names

    def _called(self, call: str) -> None:
        self.driver.called(call, asks=True)
        if self.pid != self.driver.processes[0].pid:
            raise ProxyAwayError(f"process {self.pid} of the fake is gone")


_FITS: type[ProxyDriver] = FakeDriver
