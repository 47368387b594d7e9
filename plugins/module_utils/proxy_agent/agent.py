# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The agent's loop: it looks at start, at every change, every 30 seconds, and more often while numbers move."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from ..consul.registry import Registry
from ..core.errors import DeliveryError
from ..core.names import color_name
from ..routes.route import Route
from .acknowledgement import Counts, Effect, count, document, is_busy
from .haproxy.sockets import MasterSocket
from .heartbeat import Heartbeat
from .judgement import followed_colors
from .proxy_settings import Settings
from .reconciler import Reconciler, Seen
from .watches import Watches

LOG = logging.getLogger(__name__)

_FULL_PASS = 30.0
_RETRY_REFUSED = 300.0
_QUIET = 1.0
_BUSY = 0.2
_RETRY = 0.5
# Something that never comes up is looked at less often after this time.
_BUSY_AT_MOST = 120.0
_SILENCE_WORTH_A_NOTE = 2.0


class Agent:
    """Keeps one HAProxy as Consul says, and says in Consul how it is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._master = MasterSocket(settings.paths.master_socket)
        self._wake = threading.Event()
        self._stopping = False
        registry = Registry(settings.connection)
        self._watches = Watches(registry, settings.prefix, self._wake.set)
        self._heartbeat = Heartbeat(registry.clone(), f"{settings.prefix}proxies/{settings.id}")
        self._reconciler = Reconciler(settings, self._master)
        self._effect = Effect()
        self._up: dict[str, set[str]] = {}
        self._full_pass_due = 0.0
        self._retry_due = 0.0
        self._busy_since: float | None = None

    def stop(self) -> None:
        """End after what is being done; may be called from a signal handler."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Until C(stop) is called."""
        LOG.info("proxy %s: the agent starts", self._settings.id)
        self._watches.start()
        self._heartbeat.start()
        while not self._stopping:
            changed = self._wake.is_set()
            self._wake.clear()
            self._wake.wait(self._step(changed))
        self._watches.stop()
        self._heartbeat.stop()
        LOG.info("proxy %s: the agent has ended; HAProxy goes on with what it has", self._settings.id)

    def _step(self, changed: bool) -> float:
        """One look; how many seconds the next one can wait."""
        try:
            counts = self._look(changed)
        except DeliveryError as error:
            LOG.warning("%s", error)
            self._effect = Effect(self._effect.routes, {}, {}, (), [str(error)])
            self._full_pass_due = 0.0
            return _RETRY
        return self._pause(counts)

    def _look(self, changed: bool) -> Counts:
        now = time.monotonic()
        if changed or self._reconciler.pending or now >= self._full_pass_due or not self._effect.workers:
            return self._full_pass(now)
        workers = self._master.workers()
        if workers != self._effect.workers:
            return self._full_pass(now)
        counts = count(self._master, workers)
        if counts.up != self._up:
            return self._full_pass(now)
        self._heartbeat.publish(document(self._settings.id, self._effect, counts))
        return counts

    def _full_pass(self, now: float) -> Counts:
        if now >= self._full_pass_due:
            self._full_pass_due = now + _FULL_PASS
        if now >= self._retry_due:
            self._reconciler.retry_refused()
            self._retry_due = now + _RETRY_REFUSED
        seen = Seen(self._watches.routes.current, self._watches.instances, self._notes(now))
        self._watches.follow(_names(self._reconciler.accept(seen).routes.values()))
        effect = self._reconciler.run(seen)
        for problem in {*effect.notes, *effect.errors.values()} - {*self._effect.notes, *self._effect.errors.values()}:
            LOG.warning("%s", problem)
        counts = count(self._master, effect.workers)
        self._effect, self._up = effect, counts.up
        self._heartbeat.publish(document(self._settings.id, effect, counts))
        return counts

    def _pause(self, counts: Counts) -> float:
        if not self._effect.workers:
            return _RETRY
        now = time.monotonic()
        if not self._reconciler.pending and not is_busy(self._effect, counts):
            self._busy_since = None
            return _QUIET
        if self._busy_since is None:
            self._busy_since = now
        return _BUSY if now - self._busy_since < _BUSY_AT_MOST else _QUIET

    def _notes(self, now: float) -> tuple[str, ...]:
        silence = self._watches.silence()
        if silence is None or now - silence[0] < _SILENCE_WORTH_A_NOTE:
            return ()
        return (f"what was last known stays in effect: {silence[1]}",)


def _names(routes: Iterable[Route]) -> set[str]:
    return {color_name(route.service, color) for route in routes for color in followed_colors(route)}
