# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The agent's loop: it looks at start, at every change, every 30 seconds, and more often while numbers move."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from ..core.errors import DeliveryError
from ..ports.catalog import Instance
from .driver import Counts, ProxyDriver
from .pace import Pace
from .policy.desired_servers import followed_names
from .policy.intent import Written, intend
from .policy.reconciler import Reconciler
from .report.acknowledgement import Effect, document, is_busy

LOG = logging.getLogger(__name__)

_SILENCE_WORTH_A_NOTE = 2.0


class Source(Protocol):
    """Who says what should be; Watches does."""

    @property
    def written(self) -> Written | None:
        """The routes, None before the first answer."""

    def instances(self, name: str) -> Sequence[Instance] | None:
        """The last answer for this colour, None when there was none yet."""

    def follow(self, names: Collection[str]) -> None:
        """Follow exactly these colours, by their name in the catalog."""

    def silence(self) -> tuple[float, str] | None:
        """Since when (monotonic clock) and why nothing is said; None when it is."""


class Agent:
    """Keeps one proxy as C(source) says, and hands what it does to C(publish).

    C(wake) is set by whoever knows that something has changed.
    """

    def __init__(
        self,
        proxy: str,
        driver: ProxyDriver,
        reconciler: Reconciler,
        source: Source,
        publish: Callable[[Mapping[str, Any]], None],
        wake: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proxy = proxy
        self._driver = driver
        self._reconciler = reconciler
        self._source = source
        self._publish = publish
        self._wake = wake
        self._clock = clock
        self._pace = Pace(clock)
        self._stopping = False
        self._effect = Effect()
        self._up: dict[str, set[str]] = {}

    def stop(self) -> None:
        """End after what is being done; may be called from a signal handler."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Until C(stop) is called."""
        LOG.info("proxy %s: the agent starts", self._proxy)
        while not self._stopping:
            changed = self._wake.is_set()
            self._wake.clear()
            self._wake.wait(self.step(changed))
        LOG.info("proxy %s: the agent has ended; %s goes on with what it has", self._proxy, self._driver.title)

    def step(self, changed: bool) -> float:
        """One look; how many seconds the next one can wait. C(changed): something was said since the last one."""
        try:
            counts = self._look(changed)
        except DeliveryError as error:
            LOG.warning("%s", error)
            self._effect = Effect(self._effect.routes, {}, {}, (), [str(error)])
            return self._pace.after_failure()
        busy = self._effect.pending or is_busy(self._effect, counts)
        return self._pace.after_look(away=not self._effect.generations, busy=busy)

    def _look(self, changed: bool) -> Counts:
        effect = self._effect
        if changed or effect.pending or not effect.generations or self._pace.full_pass_is_due():
            return self._full_pass()
        generations = self._driver.generations()
        if generations != effect.generations:
            return self._full_pass()
        counts = self._driver.counts(generations)
        if counts.up != self._up:
            return self._full_pass()
        self._tell(counts)
        return counts

    def _full_pass(self) -> Counts:
        if self._pace.begin_full_pass():
            self._reconciler.retry_refused()
        intent = intend(self._source.written, self._reconciler.last_good)
        self._source.follow(followed_names(intent.routes.values()))
        before, effect = self._effect, self._reconciler.run(intent, self._source.instances, self._notes())
        for problem in {*effect.notes, *effect.errors.values()} - {*before.notes, *before.errors.values()}:
            LOG.warning("%s", problem)
        counts = self._driver.counts(effect.generations)
        self._effect, self._up = effect, counts.up
        self._tell(counts)
        return counts

    def _tell(self, counts: Counts) -> None:
        self._publish(document(self._proxy, self._driver.provider, self._effect, counts))

    def _notes(self) -> tuple[str, ...]:
        silence = self._source.silence()
        if silence is None or self._clock() - silence[0] < _SILENCE_WORTH_A_NOTE:
            return ()
        return (f"what was last known stays in effect: {silence[1]}",)
