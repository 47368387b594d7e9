# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What should be, kept up to date by blocking queries: one thread for the routes, one for each followed colour.

An answer stays valid until the next one: a silent Consul changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection

from ..core.errors import DeliveryError
from ..ports.catalog import Catalog, Instance
from ..ports.store import Store
from .policy.intent import Written

LOG = logging.getLogger(__name__)

# Seconds that a query waits for a change, and within which it has been answered (Consul adds up to a sixteenth).
_WAIT = 30.0
LONGEST_ANSWER = _WAIT * 17 / 16 + 5.0
_PAUSE_AFTER_FAILURE = (0.2, 5.0)


class Watch:
    """A thread that asks again and again until C(stop) is called."""

    def __init__(self, name: str) -> None:
        self.silent_since: float | None = time.monotonic()
        self.problem = ""
        self._index = 0
        self._pause = _PAUSE_AFTER_FAILURE[0]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask nothing any more; a query on its way ends within its deadline and changes nothing."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def look(self) -> float:
        """Ask once, which takes as long as the query waits; how many seconds the next question has to wait."""
        try:
            self._ask()
        except DeliveryError as error:
            if self.silent_since is None:
                self.silent_since = time.monotonic()
            if not self.problem:
                LOG.warning("%s: %s", self._thread.name, error)
            self.problem = str(error)
            self._index = 0  # Consul may come back anew, with indexes that are far from where the old ones were
            pause, longest = self._pause, _PAUSE_AFTER_FAILURE[1]
            self._pause = min(pause * 2, longest)
            return pause
        if self.problem:
            LOG.warning("%s: Consul answers again", self._thread.name)
        self.silent_since, self.problem = None, ""
        self._pause = _PAUSE_AFTER_FAILURE[0]
        return 0.0

    def _run(self) -> None:
        while not self.stopped:
            self._stopped.wait(self.look())

    def _ask(self) -> None:
        raise NotImplementedError


class RoutesWatch(Watch):
    """The routes. C(current) is None before the first answer."""

    def __init__(self, store: Store, prefix: str, changed: Callable[[], None]) -> None:
        super().__init__("routes")
        self.current: Written | None = None
        self._store = store
        self._prefix = prefix
        self._changed = changed

    def _ask(self) -> None:
        self._index, entries = self._store.watch(self._prefix, self._index, _WAIT)
        if self._index == 0:  # it went back: ask at once for the index that holds now
            return
        written = Written.under(self._prefix, self._index, entries)
        if self.current != written:
            self.current = written
            self._changed()


class InstancesWatch(Watch):
    """The instances of one colour. C(current) is None before the first answer."""

    def __init__(self, catalog: Catalog, name: str, changed: Callable[[], None]) -> None:
        super().__init__(name)
        self.current: list[Instance] | None = None
        self._catalog = catalog
        self._name = name
        self._changed = changed

    def _ask(self) -> None:
        self._index, found = self._catalog.instances(self._name, self._index, _WAIT)
        if {instance.id for instance in self.current or ()} - {instance.id for instance in found if instance.passing}:
            # What takes something away is believed when it is said twice.
            self._index, found = self._catalog.instances(self._name)
        if not self.stopped and self.current != found:
            self.current = found
            self._changed()


class Watches:
    """The routes and the instances of every followed colour.

    C(store) belongs to the watch of the routes, each other watch gets a catalog of its own from C(new_catalog); their
    answers may take LONGEST_ANSWER seconds. C(changed) is called in the threads of the watches.
    """

    def __init__(
        self, store: Store, prefix: str, new_catalog: Callable[[], Catalog], changed: Callable[[], None]
    ) -> None:
        self._new_catalog = new_catalog
        self._changed = changed
        self._instances: dict[str, InstancesWatch] = {}
        self._routes = RoutesWatch(store, prefix, changed)

    @property
    def written(self) -> Written | None:
        """The routes, None before the first answer."""
        return self._routes.current

    def start(self) -> None:
        """Begin with the routes."""
        self._routes.start()

    def follow(self, names: Collection[str]) -> None:
        """Follow exactly these colours, by their name in Consul."""
        for name in set(self._instances) - set(names):
            self._instances.pop(name).stop()
        for name in sorted(set(names) - set(self._instances)):
            self._instances[name] = InstancesWatch(self._new_catalog(), name, self._changed)
            self._instances[name].start()

    def instances(self, name: str) -> list[Instance] | None:
        """The last answer for this colour, None when there was none yet."""
        watch = self._instances.get(name)
        return watch.current if watch is not None else None

    def silence(self) -> tuple[float, str] | None:
        """Since when (monotonic clock) and why Consul does not answer; None when it does."""
        since, problem = self._routes.silent_since, self._routes.problem  # its thread may change them at any time
        return (since, problem) if since is not None and problem else None

    def stop(self) -> None:
        """Ask nothing any more."""
        self._routes.stop()
        self.follow(())
