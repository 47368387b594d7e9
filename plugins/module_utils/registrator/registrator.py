# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The agent: listens to Docker and compares, at once after an event and regularly.

It keeps no truth of its own: a lost event, a crash or an empty Consul costs one comparison, never an entry.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from ..core.errors import DeliveryError
from .comparison import Comparison, NodeCatalog, Outcome
from .containers import Containers
from .docker_api import DockerApi
from .docker_events import EventStream, history
from .registrator_settings import Settings
from .schedule import Schedule
from .stopping import TASK_GRACE, Draining, Event

# How long a container that an event named is inspected anew, whatever the list says; longer than the list lags.
_TOUCHED_FOR = 2.0
# How long the first comparison waits for the events from before the start: what is being stopped must not come back.
_HISTORY_WAIT = 2.0


class Order(Enum):
    """What else than an event the main loop may be told."""

    COMPARE = "compare"
    STOP = "stop"


class Agent:
    """C(run) follows Docker until SIGTERM, C(once) compares once, C(withdraw) gives up; all return the exit status.

    C(connect) reaches the Consul agent of this node, see Comparison.
    """

    def __init__(self, settings: Settings, connect: Callable[[], NodeCatalog]) -> None:
        self._settings = settings
        self._api = DockerApi(settings.docker_host)
        self._draining = Draining(settings.grace)
        containers = Containers(self._api)
        self._comparison = Comparison(settings.node, containers, self._draining, connect, settings.dry_run)
        self._schedule = Schedule(settings.resync, time.monotonic() + _HISTORY_WAIT)
        self._orders: queue.SimpleQueue[Event | Order] = queue.SimpleQueue()
        self._touched: dict[str, float] = {}

    def once(self) -> int:
        """Compare once."""
        now = time.time()
        try:
            for event in history(self._api, now - TASK_GRACE, now):
                self._see(event)
        except DeliveryError:
            pass  # The comparison meets the same trouble and reports it.
        return 0 if self._compare() else 1

    def withdraw(self) -> int:
        """Take all services of this node out; nothing that follows Docker must run beside it."""
        return 0 if self._comparison.withdraw() else 1

    def run(self) -> int:
        """Follow Docker until told to stop."""
        signal.signal(signal.SIGHUP, lambda *_unused: self._orders.put(Order.COMPARE))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_unused: self._orders.put(Order.STOP))
        # A connection of its own: one client belongs to one thread.
        stream = DockerApi(self._settings.docker_host)
        EventStream(stream, self._orders.put, lambda: self._orders.put(Order.COMPARE)).start()
        while self._listen():
            if time.monotonic() >= self._schedule.due:
                self._compare()
        return self.withdraw() if self._settings.deregister_on_exit else 0

    def _listen(self) -> bool:
        """Wait for something to happen, at most until the next comparison, and take in all that did. False: stop."""
        try:
            order = self._orders.get(timeout=max(0.0, self._schedule.due - time.monotonic()))
            while order is not Order.STOP:
                if isinstance(order, Event):
                    self._see(order)
                self._schedule.happened(time.monotonic())
                order = self._orders.get_nowait()
        except queue.Empty:
            return True
        return False

    def _see(self, event: Event) -> None:
        # Events from before the start have their age on the wall clock only.
        at = time.monotonic() - max(0.0, time.time() - event.time)
        self._draining.see(event, at)
        self._touched[event.container] = at + _TOUCHED_FOR

    def _compare(self) -> bool:
        now = time.monotonic()
        self._touched = {key: until for key, until in self._touched.items() if until > now}
        outcome = self._comparison.run(self._touched.keys(), now)
        if outcome.ok:
            self._schedule.succeeded(now, outcome.expiry)
        else:
            self._schedule.failed(time.monotonic())
        write_health(self._settings.health_file, outcome)
        return outcome.ok


def write_health(path: Path | None, outcome: Outcome) -> None:
    """Replace the health file; its age says whether the agent lives, C(ok) whether the last comparison succeeded."""
    if path is None:
        return
    document = {
        "ok": outcome.ok,
        "time": round(time.time(), 3),
        "containers": outcome.containers,
        "services": outcome.services,
        "skipped": outcome.skipped,
        "error": outcome.error,
    }
    try:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(document) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        logging.getLogger("registrator.health").debug("health_file '%s': %s", path, error)
