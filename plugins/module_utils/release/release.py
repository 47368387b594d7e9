# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One target as all parts see it: its services in Swarm, its route, its record, its lock and the fleet."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..consul.proxy_reports import Fleet, Snapshot, newest_revision, served_colors
from ..consul.registry import Registry
from ..core.color import COLORS
from ..core.errors import DeliveryError, OutOfDateError
from ..core.names import color_name, service_name
from ..routes.route import Route
from ..stack.naming import swarm_service_name
from ..swarm.swarm_engine import Engine
from ..swarm.swarm_state import RUN_LABEL, ServiceState
from .lock import RunLock
from .record import ReleaseRecord


def utc_now() -> str:
    """The time as it stands in records: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Truth:
    """What holds right now: the route and its index, what each proxy says, what Swarm runs per colour."""

    route: Route | None
    route_index: int
    fleet: Snapshot
    services: dict[str, ServiceState]
    running: dict[str, int]
    service: str

    @property
    def live(self) -> str | None:
        """The colour that users get by the route."""
        return self.route.split.live if self.route is not None else None

    @property
    def newest_revision(self) -> int:
        """The newest that Consul or any proxy knows; see Release.next_revision()."""
        return max(self.route.revision if self.route is not None else 0, newest_revision(self.service, self.fleet))

    @property
    def served(self) -> set[str]:
        """Every colour that the route or any proxy sends users to: none of these may be stopped."""
        served = served_colors(self.service, self.fleet)
        if self.route is not None:
            served.add(self.route.split.live)
            if self.route.split.candidate is not None and self.route.split.percent > 0:
                served.add(self.route.split.candidate)
        return served


@dataclass
class Release:
    """The parts that a stage works with. C(progress) takes one line on what is being waited for."""

    engine: Engine
    registry: Registry
    fleet: Fleet
    prefix: str
    project: str
    target: str
    progress: Callable[[str], None] = lambda _line: None
    lock: RunLock | None = None
    service: str = field(init=False)

    def __post_init__(self) -> None:
        self.service = service_name(self.project, self.target)

    # -- names --------------------------------------------------------------------------------------------------

    @property
    def route_key(self) -> str:
        """The key of the route."""
        return f"{self.prefix}routes/{self.service}"

    @property
    def record_key(self) -> str:
        """The key of the release record."""
        return f"{self.prefix}releases/{self.service}"

    @property
    def lock_key(self) -> str:
        """The key of the lock."""
        return f"{self.prefix}locks/{self.service}"

    def color_name(self, color: str) -> str:
        """A colour's name in Consul and in the proxies."""
        return color_name(self.service, color)

    def swarm_name(self, color: str | None) -> str:
        """The Swarm service of a colour."""
        return swarm_service_name(self.project, self.target, color)

    # -- reading ------------------------------------------------------------------------------------------------

    def color_service(self, color: str) -> ServiceState | None:
        """The Swarm service of a colour, or None."""
        return self.engine.service(self.swarm_name(color))

    def route(self) -> tuple[Route | None, int]:
        """The route and the index to write it back with (0: there is none)."""
        entry = self.registry.get(self.route_key)
        return (None, 0) if entry is None else (Route.from_document(entry.json()), entry.modify_index)

    def other_routes(self) -> list[Route]:
        """The routes of all other services. A damaged one is its owner's problem, not ours."""
        routes = []
        for key, entry in self.registry.entries(f"{self.prefix}routes/").items():
            if key != self.route_key:
                try:
                    routes.append(Route.from_document(entry.json()))
                except DeliveryError:
                    continue
        return routes

    def record(self) -> tuple[ReleaseRecord, int]:
        """The release record and its index; an empty one when nothing was recorded yet.

        Raises DeliveryError when another project has this service name: 'shop' with 'api-app' makes the same one as
        'shop-api' with 'app', and neither may take the other's route.
        """
        entry = self.registry.get(self.record_key)
        if entry is None:
            return ReleaseRecord(self.project, self.target), 0
        record = ReleaseRecord.from_document(entry.json())
        if (record.project, record.target) != (self.project, self.target):
            raise DeliveryError(
                f"project '{self.project}' and target '{self.target}' make the service name '{self.service}', which "
                f"target '{record.target}' of project '{record.project}' already has: rename one of them"
            )
        return record, entry.modify_index

    def truth(self) -> Truth:
        """Read the proxies and Docker."""
        route, index = self.route()
        services = {color: found for color in COLORS if (found := self.color_service(color)) is not None}
        running = {color: len(self.engine.running(service)) for color, service in services.items()}
        return Truth(route, index, self.fleet.snapshot(), services, running, self.service)

    # -- writing, always under the lock -------------------------------------------------------------------------

    def held_lock(self) -> RunLock:
        """The lock, which every change needs."""
        if self.lock is None:
            raise DeliveryError("internal error: a change without the lock of the run")
        return self.lock

    def renew(self) -> None:
        """Extend the lock; raises LockLostError when it is gone."""
        self.held_lock().renew()

    def reporter(self, what: str) -> Callable[[str], None]:
        """For who waits for C(what): a function that takes how far it is, renews the lock and shows it."""

        def report(text: str) -> None:
            self.renew()
            self.progress(f"{what}: {text}")

        return report

    def next_revision(self, route: Route) -> int:
        """A number that no proxy has confirmed yet, or it would be taken for confirmed without a look.

        The route may have been deleted, or Consul restored from a backup, since a proxy took its last one.
        """
        return max(route.revision, newest_revision(self.service, self.fleet.snapshot())) + 1

    def write_route(self, route: Route, index: int) -> int:
        """Write the route if nothing moved since C(index) and the lock is ours; returns the new index."""
        lock = self.held_lock()
        if not self.registry.put_if_held(self.route_key, route.to_json(), index, lock.key, lock.run):
            lock.renew()
            raise OutOfDateError(f"the route of '{self.service}' was changed by somebody else meanwhile: run it again")
        entry = self.registry.get(self.route_key)
        return entry.modify_index if entry is not None else 0

    def delete_route(self, index: int) -> None:
        """Delete the route if nothing moved since C(index) and the lock is ours."""
        lock = self.held_lock()
        if not self.registry.delete_if_held(self.route_key, index, lock.key, lock.run):
            lock.renew()
            raise OutOfDateError(f"the route of '{self.service}' was changed by somebody else meanwhile: run it again")

    def change_record(self, change: Callable[[ReleaseRecord], ReleaseRecord]) -> ReleaseRecord:
        """Apply a transition to the record; nothing is written when it changes nothing."""
        lock = self.held_lock()
        record, index = self.record()
        changed = change(record)
        if changed != record:
            text = json.dumps(changed.to_document(), sort_keys=True)
            if not self.registry.put_if_held(self.record_key, text, index, lock.key, lock.run):
                lock.renew()
                raise OutOfDateError(f"the record of '{self.service}' was changed by somebody else meanwhile")
        return changed

    def fence_services(self) -> dict[str, ServiceState]:
        """Write the run's label on both colours and return them with the version index of that moment.

        A run that slept past its lock meets another run's label, and its updates are refused by Swarm because they
        carry an older index.
        """
        run = self.held_lock().run
        fenced = {}
        for color in COLORS:
            service = self.color_service(color)
            if service is not None:
                fenced[color] = self.engine.label(service, {RUN_LABEL: run})
        self.renew()
        return fenced
