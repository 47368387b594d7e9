# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time that passes only when somebody waits, with a script of what happens meanwhile."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

# Unix time and the monotonic clock never agree.
_WALL = 1_700_000_000.0


class ScriptedTime:
    """Stands in for the module C(time). Seconds on the monotonic clock, which begins at 1000.

    Whoever waits lets what is due meanwhile happen first, in order. A test that goes on for hours, or waits for ever
    without time passing, is told so: whatever it drives would never have ended.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._steps = 0
        self._script: list[tuple[float, Callable[[], Any]]] = []

    def after(self, seconds: float, action: Callable[[], Any]) -> None:
        """Let something happen, that many seconds from now."""
        self._script.append((self.now + seconds, action))
        self._script.sort(key=lambda entry: entry[0])

    def step(self, until: float) -> bool:
        """Go to the next thing that happens, and let it; without one, go to C(until) and return False."""
        self._steps += 1
        if self.now > 40_000 or self._steps > 10_000:
            raise AssertionError("nothing ended what this test drives")
        if self._script and self._script[0][0] <= until:
            due, action = self._script.pop(0)
            self.now = max(self.now, due)
            action()
            return True
        self.now = max(self.now, until)
        return False

    # -- the module ----------------------------------------------------------------------------------------------

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return _WALL + self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self.now + seconds
        while self.step(until):
            pass


class ScriptedQueue:
    """Stands in for C(queue.SimpleQueue) where one thread waits for what the script puts in."""

    def __init__(self, time: ScriptedTime) -> None:
        self._time = time
        self._items: list[Any] = []

    def put(self, item: Any) -> None:
        self._items.append(item)

    def get(self, timeout: float) -> Any:
        until = self._time.now + timeout
        while not self._items:
            if not self._time.step(until):
                raise queue.Empty
        return self._items.pop(0)

    def get_nowait(self) -> Any:
        if not self._items:
            raise queue.Empty
        return self._items.pop(0)
