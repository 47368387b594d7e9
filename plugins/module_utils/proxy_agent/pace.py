# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""When the agent looks again: at once when something is wrong, often while numbers move, seldom while all is quiet."""

from __future__ import annotations

from collections.abc import Callable

_FULL_PASS = 30.0
_RETRY_REFUSED = 300.0
_QUIET = 1.0
_BUSY = 0.2
_RETRY = 0.5
# Something that never comes up is looked at less often after this time.
_BUSY_AT_MOST = 120.0


class Pace:
    """C(clock) is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._full_pass_due = 0.0
        self._retry_due = 0.0
        self._busy_since: float | None = None

    def full_pass_is_due(self) -> bool:
        """Whether everything has to be compared again even if nothing seems to have changed."""
        return self._clock() >= self._full_pass_due

    def begin_full_pass(self) -> bool:
        """Note that it begins; whether what the proxy refused may be tried again in it."""
        now = self._clock()
        if now >= self._full_pass_due:
            self._full_pass_due = now + _FULL_PASS
        if now < self._retry_due:
            return False
        self._retry_due = now + _RETRY_REFUSED
        return True

    def after_failure(self) -> float:
        """Seconds until the next look when one has failed. That will be a full pass."""
        self._full_pass_due = 0.0
        return _RETRY

    def after_look(self, *, away: bool, busy: bool) -> float:
        """Seconds until the next look. C(busy): something that somebody may wait for is about to change."""
        if away:
            return _RETRY
        now = self._clock()
        if not busy:
            self._busy_since = None
            return _QUIET
        if self._busy_since is None:
            self._busy_since = now
        return _BUSY if now - self._busy_since < _BUSY_AT_MOST else _QUIET
