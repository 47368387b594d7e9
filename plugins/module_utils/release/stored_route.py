# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The route of one service in the store: read by everybody, written under the lock of the run."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import DeliveryError, OutOfDateError
from ..ports.fleet import Fleet, newest_revision
from ..ports.store import Store
from ..routes.route import Route
from ..routes.tombstone import Tombstone, is_tombstone, route_or_tombstone
from .keys import Keys
from .run import Run


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands under the key: a route, or the C(tombstone) of one, or nothing. C(index) is what to write back with;
    0 where nothing stands there."""

    route: Route | None = None
    tombstone: Tombstone | None = None
    index: int = 0


class StoredRoute:
    """One key."""

    def __init__(self, store: Store, keys: Keys, run: Run, fleet: Fleet) -> None:
        self._store = store
        self._keys = keys
        self._run = run
        self._fleet = fleet

    def stored(self, *, forgiving: bool = False) -> Stored:
        """What stands there. What is damaged is a DeliveryError; C(forgiving), it is a tombstone older than any."""
        entry = self._store.get(self._keys.route)
        if entry is None:
            return Stored()
        try:
            found = route_or_tombstone(entry.json())
        except DeliveryError:
            if forgiving:
                return Stored(tombstone=Tombstone(self._keys.service, 0), index=entry.modify_index)
            raise
        if isinstance(found, Tombstone):
            return Stored(tombstone=found, index=entry.modify_index)
        return Stored(found, index=entry.modify_index)

    def read(self) -> tuple[Route | None, int]:
        """The route and the index to write it back with; a route that was removed is none."""
        stored = self.stored()
        return stored.route, stored.index

    def others(self) -> list[Route]:
        """The routes of all other services. A damaged one is its owner's problem, not ours."""
        routes = stored_routes(self._store, self._keys)
        return [route for service, route in routes.items() if service != self._keys.service and route is not None]

    def next_revision(self, route: Route) -> int:
        """A number that no proxy has confirmed yet, or it would be taken for confirmed without a look.

        The store may have been restored from a backup since a proxy took its last one.
        """
        return max(route.revision, newest_revision(self._keys.service, self._fleet.snapshot())) + 1

    def write(self, route: Route, index: int) -> int:
        """Write the route if nothing moved since C(index) and the lock is ours; returns the new index."""
        return self._write(route.to_json(), index)

    def remove(self, tombstone: Tombstone, index: int) -> int:
        """Write that the route was removed, as write() writes a route."""
        return self._write(tombstone.to_json(), index)

    def delete(self, index: int) -> None:
        """Delete the key if nothing moved since C(index) and the lock is ours.

        Only a tombstone that every proxy has seen: what is missing otherwise is lost to those that did not.
        """
        lock = self._run.lock
        if not self._store.delete_if_held(self._keys.route, index, lock.key, lock.run):
            raise self._moved()

    def _write(self, text: str, index: int) -> int:
        lock = self._run.lock
        if not self._store.put_if_held(self._keys.route, text, index, lock.key, lock.run):
            raise self._moved()
        entry = self._store.get(self._keys.route)
        return entry.modify_index if entry is not None else 0

    def _moved(self) -> OutOfDateError:
        self._run.renew()  # a lost lock says more
        return OutOfDateError(
            f"the route of '{self._keys.service}' was changed by somebody else meanwhile: run it again"
        )


def stored_routes(store: Store, keys: Keys) -> dict[str, Route | None]:
    """The routes of all services by their names; None stands for one that is damaged. What was removed is not there."""
    routes: dict[str, Route | None] = {}
    for key, entry in store.entries(keys.routes).items():
        service = key.removeprefix(keys.routes)
        if not service:
            continue  # a folder that somebody's tool made
        try:
            document = entry.json()
            if not is_tombstone(document):
                routes[service] = Route.from_document(document)
        except DeliveryError:
            routes[service] = None
    return routes
