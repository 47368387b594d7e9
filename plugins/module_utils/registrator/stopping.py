# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Which containers have been told to stop.

A container leaves rotation at its stop signal and not when it exits, up to its whole grace time later. The mark lasts
until the container starts again or is gone, or until the grace time has passed: an application may ignore the signal,
or use it for something else.
"""

from __future__ import annotations

import signal
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .container import Container

# What `docker stop --time` was given is not visible from outside, so this is generous where a container says nothing.
DEFAULT_GRACE = 30.0
# Swarm knows the grace time of a task and the container does not; it ends every stop with SIGKILL, so a long mark is
# safe, and one that ends early would send requests to a task that is about to be killed.
TASK_GRACE = 3600.0
_MARGIN = 1.0


@dataclass(frozen=True, slots=True)
class Event:
    """One container event: C(action) as Docker names it, C(signal) of a kill, C(time) in Unix seconds."""

    container: str
    action: str
    signal: int | None
    time: float


class Draining:
    """The signals that containers got and when (any clock, always the same). C(grace): seconds, for containers that do
    not say their own.

    What a signal means is decided when it is asked for: the event may come before the container was looked at.
    """

    def __init__(self, grace: float = DEFAULT_GRACE) -> None:
        self.grace = grace
        self._signals: dict[str, dict[int, float]] = {}

    def see(self, event: Event, at: float) -> None:
        """Take in an event that happened C(at) this time."""
        if event.action in ("start", "destroy"):
            self._signals.pop(event.container, None)
        elif event.action == "kill" and event.signal is not None:
            self._signals.setdefault(event.container, {})[event.signal] = at

    def until(self, container: Container) -> float | None:
        """When the container counts as serving again, None when it was not told to stop."""
        seen = self._signals.get(container.id, {})
        stops = [at for number, at in seen.items() if number in (signal.SIGKILL, container.stop_signal)]
        return max(stops) + self._grace(container) + _MARGIN if stops else None

    def keep_only(self, container_ids: AbstractSet[str]) -> None:
        """Forget containers that are no longer there."""
        self._signals = {key: seen for key, seen in self._signals.items() if key in container_ids}

    def _grace(self, container: Container) -> float:
        if container.swarm:
            return TASK_GRACE
        return self.grace if container.stop_timeout is None else container.stop_timeout
