# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""When to compare next: after events and once more a little later, regularly, after a failure with growing pauses."""

from __future__ import annotations

# Docker's list lags behind its events (seen: `running` right after `die`); looking again closes the gap.
LOOK_AGAIN = (0.0, 0.15, 1.0)
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0


class Schedule:
    """Moments on the monotonic clock, in seconds. C(first) is the first comparison if nothing happens before."""

    def __init__(self, resync: float, first: float) -> None:
        self._resync = resync
        self._dues = [first]
        self._not_before = 0.0
        self._pause = FIRST_PAUSE

    @property
    def due(self) -> float:
        """The next comparison."""
        return max(min(self._dues), self._not_before)

    def happened(self, now: float) -> None:
        """Something happened: compare at once and again."""
        self._dues = [min(self._dues), *(now + delay for delay in LOOK_AGAIN)]

    def succeeded(self, now: float, expiry: float | None = None) -> None:
        """A comparison that began C(now) succeeded; C(expiry): when its result changes by itself, if it does."""
        self._pause, self._not_before = FIRST_PAUSE, 0.0
        ahead = [due for due in self._dues if due > now]
        # Of the regular ones only the new one counts; looks after an event are never further away than that.
        ahead = [due for due in ahead if due <= now + LOOK_AGAIN[-1]]
        self._dues = [*ahead, now + self._resync, *([expiry] if expiry is not None and expiry > now else [])]

    def failed(self, now: float) -> None:
        """A comparison failed: pause, though events keep coming."""
        self._not_before = now + self._pause
        self._dues = [self._not_before]
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
