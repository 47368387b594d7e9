# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Waiting by condition, always with a deadline, on the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """A moment on the monotonic clock that is C(seconds) away when it is made."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.seconds = seconds
        self._start = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the deadline was set."""
        return self._clock() - self._start

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return self.elapsed >= self.seconds


def wait_until(
    probe: Callable[[], T | None],
    timeout: float,
    *,
    interval: float = 0.1,
    max_interval: float = 0.4,
    on_wait: Callable[[float], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T | None:
    """Call C(probe) until it returns something true, and return that; C(None) when C(timeout) seconds passed.

    The pause grows by half each time, from C(interval) to C(max_interval) seconds. C(on_wait) is called before
    each pause with the seconds waited so far: the place to report progress and to renew a lock. The probe is
    tried once more after the deadline, so that a slow last look does not count as a failure.
    """
    deadline = Deadline(timeout, clock)
    pause = interval
    while True:
        last = deadline.passed
        found = probe()
        if found or last:
            return found or None
        if on_wait is not None:
            on_wait(deadline.elapsed)
        sleep(min(pause, max(deadline.remaining, 0.001)))
        pause = min(pause * 1.5, max(interval, max_interval))
