# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One comparison of what should be registered with what is, and its application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Protocol

from ..core.errors import DeliveryError, RegistryError, RegistryUnreachableError
from .container import Container
from .containers import Containers
from .difference import Plan, plan
from .registrations import Definition, Findings, Node, Place, answering, by_id, findings
from .stopping import Draining

LOG = logging.getLogger("registrator")


class NodeCatalog(Protocol):
    """The services at the Consul agent of this node.

    Each call raises RegistryUnreachableError when no agent answered, and RegistryError when it refused.
    """

    def agent_services(self) -> dict[str, dict[str, Any]]:
        """All of them by id, whoever registered them, as C(/v1/agent/services) shows them."""

    def register(self, definition: dict[str, Any]) -> None:
        """Add a service or replace the one of that id; C(definition) is Consul's JSON."""

    def deregister(self, service_id: str) -> None:
        """Take a service out; an id that is not there (any more) is fine."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """C(ok): everything that could be registered is. C(skipped): containers and services left out, see the log.

    C(expiry): when the outcome changes without an event, on the clock of the draining marks; None: it does not.
    """

    ok: bool
    containers: int = 0
    services: int = 0
    skipped: int = 0
    error: str | None = None
    expiry: float | None = None


class Comparison:
    """Asks Docker and Consul anew each time. C(connect) reaches the catalog; it is called again after any failure,
    since the token may have been replaced. C(dry_run): only say what would change.
    """

    def __init__(
        self, node: Node, containers: Containers, draining: Draining, connect: Callable[[], NodeCatalog], dry_run: bool
    ) -> None:
        self._node = node
        self._containers = containers
        self._draining = draining
        self._connect = connect
        self._dry_run = dry_run
        self._catalog: NodeCatalog | None = None
        self._said: set[str] = set()
        self._trouble: str | None = None

    def run(self, touched: AbstractSet[str], now: float) -> Outcome:
        """Compare and apply. C(touched): containers that an event named; C(now): the clock of the draining marks."""
        try:
            outcome = self._run(touched, now)
        except DeliveryError as error:
            self._catalog = None
            return Outcome(ok=False, error=self._in_trouble(str(error)))
        if self._trouble is not None:
            LOG.info("Docker and Consul answer again")
            self._trouble = None
        return outcome

    def withdraw(self) -> bool:
        """Take all services of this node out; whether that succeeded."""
        try:
            catalog = self._connected()
            actual = catalog.agent_services()
            return self._apply(plan({}, actual, self._node.name), catalog, actual, lambda _container: "withdrawn") == 0
        except DeliveryError as error:
            self._in_trouble(str(error))
            return False

    def _in_trouble(self, text: str) -> str:
        if text != self._trouble:
            LOG.error("%s", text)
        self._trouble = text
        return text

    def _run(self, touched: AbstractSet[str], now: float) -> Outcome:
        containers = self._containers.look(touched)
        self._draining.keep_only(containers.keys())
        problems = dict(self._containers.problems)
        definitions: list[Definition] = []
        absences: dict[str, str] = {}
        expiries: list[float] = []
        asked: list[tuple[Container, Findings]] = []
        for container in containers.values():
            try:
                asked.append((container, findings(container, self._node)))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                # One strange container must not keep the others out of the registry.
                problems[container.id] = f"cannot be registered: {type(error).__name__} {error}"
        owners = answering(asked, self._node)
        for container, found in asked:
            for warning in found.warnings:
                self._warn_once(warning)
            until = self._draining_until(container, found, now)
            if container.absence or until:
                absences[container.id] = container.absence or "told to stop"
                expiries += [until] if until else []
            else:
                definitions += self._answered(container, found, owners)
        desired = by_id(definitions)
        catalog = self._connected()
        actual = catalog.agent_services()
        step = plan(desired, actual, self._node.name)
        for key, problem in problems.items():
            self._warn_once(f"container {key[:12]} {problem}")

        def reason(container: str) -> str:
            if container in absences:
                return absences[container]
            if container in problems:
                return "it can no longer be read"
            # The container is there: its name, its port or what it is registered for changed.
            return "no longer asked for, or another's port" if container in containers else "gone"

        refused = self._apply(step, catalog, actual, reason)
        return Outcome(
            ok=True,
            containers=len(containers),
            services=len(desired),
            skipped=len(problems) + len(step.taken) + refused,
            expiry=min(expiries, default=None),
        )

    def _answered(self, container: Container, found: Findings, owners: Mapping[Place, str]) -> list[Definition]:
        """The definitions whose address is this container's and no other's."""
        answered = []
        for definition, place in zip(found.definitions, found.places, strict=True):
            if owners.get(place, container.id) == container.id:
                answered.append(definition)
            else:
                self._warn_once(
                    f"{container.name}: at {definition['Address']}:{definition['Port']} container {owners[place][:12]} "
                    f"answers, so {definition['Name']} is not registered there"
                )
        return answered

    def _draining_until(self, container: Container, found: Findings, now: float) -> float | None:
        until = self._draining.until(container) if found.drain else None
        return until if until is not None and until > now else None

    def _connected(self) -> NodeCatalog:
        if self._catalog is None:
            self._catalog = self._connect()
        return self._catalog

    def _apply(
        self,
        step: Plan,
        catalog: NodeCatalog,
        actual: Mapping[str, Mapping[str, Any]],
        reason: Callable[[str], str],
    ) -> int:
        """Take out first, C(reason) says of a container why, then put in. Returns how many services Consul refused."""
        for key in step.taken:
            self._warn_once(f"{key}: a service that is not ours has this id and is left alone")
        refused = 0
        for key in step.deregister:
            service = actual[key]
            why = reason((service.get("Meta") or {}).get("container", ""))
            refused += not self._send(catalog.deregister, key, f"- {key} {service.get('Service')} ({why})")
        for definition in step.register:
            where = f"{definition['Address']}:{definition['Port']}"
            line = f"+ {definition['ID']} {definition['Name']} {where}"
            refused += not self._send(catalog.register, definition, line)
        return refused

    def _send(self, operation: Callable[[Any], None], argument: Any, line: str) -> bool:
        if not self._dry_run:
            try:
                operation(argument)
            except RegistryUnreachableError:
                raise
            except RegistryError as error:
                # Consul has something against this one service; the others go on.
                self._warn_once(f"{line} failed: {error}")
                return False
        LOG.info("%s%s", "would do: " if self._dry_run else "", line)
        return True

    def _warn_once(self, text: str) -> None:
        if text not in self._said:
            if len(self._said) >= 1000:  # Names of short-lived containers must not pile up.
                self._said.clear()
            self._said.add(text)
            LOG.warning("%s", text)
