# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The route of one service in the store: read by everybody, written under the lock of the run."""

from __future__ import annotations

from ..core.errors import DeliveryError, OutOfDateError
from ..ports.fleet import Fleet, newest_revision
from ..ports.store import Store
from ..routes.route import Route
from .keys import Keys
from .run import Run


class StoredRoute:
    """One key. An index of 0 means that there is no route."""

    def __init__(self, store: Store, keys: Keys, run: Run, fleet: Fleet) -> None:
        self._store = store
        self._keys = keys
        self._run = run
        self._fleet = fleet

    def read(self) -> tuple[Route | None, int]:
        """The route and the index to write it back with."""
        entry = self._store.get(self._keys.route)
        return (None, 0) if entry is None else (Route.from_document(entry.json()), entry.modify_index)

    def others(self) -> list[Route]:
        """The routes of all other services. A damaged one is its owner's problem, not ours."""
        routes = []
        for key, entry in self._store.entries(self._keys.routes).items():
            if key != self._keys.route:
                try:
                    routes.append(Route.from_document(entry.json()))
                except DeliveryError:
                    continue
        return routes

    def next_revision(self, route: Route) -> int:
        """A number that no proxy has confirmed yet, or it would be taken for confirmed without a look.

        The route may have been deleted, or the store restored from a backup, since a proxy took its last one.
        """
        return max(route.revision, newest_revision(self._keys.service, self._fleet.snapshot())) + 1

    def write(self, route: Route, index: int) -> int:
        """Write the route if nothing moved since C(index) and the lock is ours; returns the new index."""
        lock = self._run.lock
        if not self._store.put_if_held(self._keys.route, route.to_json(), index, lock.key, lock.run):
            raise self._moved()
        entry = self._store.get(self._keys.route)
        return entry.modify_index if entry is not None else 0

    def delete(self, index: int) -> None:
        """Delete the route if nothing moved since C(index) and the lock is ours."""
        lock = self._run.lock
        if not self._store.delete_if_held(self._keys.route, index, lock.key, lock.run):
            raise self._moved()

    def _moved(self) -> OutOfDateError:
        self._run.renew()  # a lost lock says more
        return OutOfDateError(
            f"the route of '{self._keys.service}' was changed by somebody else meanwhile: run it again"
        )
