# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers have been told to stop.

A container leaves rotation at its stop signal and not when it exits, up to its whole grace time later. The mark lasts
until the container starts again or is gone, or until the grace time has passed: an application may ignore the signal,
or use it for something else.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

from .container import Container

# `docker stop` without a time, or with one: it is not visible from outside unless the container says it itself.
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
    """The marks, in monotonic seconds. C(grace) is for containers that do not say their own."""

    def __init__(self, grace: float = DEFAULT_GRACE) -> None:
        self.grace = grace
        self._until: dict[str, float] = {}

    def see(self, event: Event, container: Container | None, now: float, age: float) -> None:
        """Take an event in that happened C(age) seconds before C(now); C(container) is what is known of it."""
        if event.action in ("start", "destroy"):
            self._until.pop(event.container, None)
        elif event.action == "kill" and event.signal in (signal.SIGKILL.value, _stop_signal(container)):
            self._until[event.container] = now + self._grace(container) + _MARGIN - age

    def contains(self, container_id: str, now: float) -> bool:
        """Whether the container is being stopped."""
        until = self._until.get(container_id)
        if until is not None and until <= now:
            del self._until[container_id]
            return False
        return until is not None

    def keep_only(self, container_ids: set[str]) -> None:
        """Forget containers that are no longer there."""
        self._until = {key: until for key, until in self._until.items() if key in container_ids}

    @property
    def next_expiry(self) -> float | None:
        """When the next mark ends, None without marks."""
        return min(self._until.values(), default=None)

    def _grace(self, container: Container | None) -> float:
        if container is None:
            return self.grace
        if container.swarm:
            return TASK_GRACE
        return self.grace if container.stop_timeout is None else container.stop_timeout


def _stop_signal(container: Container | None) -> int:
    return container.stop_signal if container else signal.SIGTERM.value
