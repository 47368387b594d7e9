# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The run that a stage is part of: its lock, which every change needs, and what it tells those who wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ..core.errors import DeliveryError
from .lock import RunLock


def utc_now() -> str:
    """The time as it stands in records: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Run:
    """C(taken) is None until the lock is held, and in check mode. C(progress) takes one line on what is waited for."""

    progress: Callable[[str], None] = lambda _line: None
    taken: RunLock | None = None

    @property
    def lock(self) -> RunLock:
        """The lock, which every change needs."""
        if self.taken is None:
            raise DeliveryError("internal error: a change without the lock of the run")
        return self.taken

    @property
    def id(self) -> str:
        """The id of the run."""
        return self.lock.run

    @property
    def owner(self) -> str:
        """Who runs it."""
        return self.lock.holder.owner

    def renew(self) -> None:
        """Extend the lock; raises LockLostError when it is gone."""
        self.lock.renew()

    def reporter(self, what: str) -> Callable[[str], None]:
        """For who waits for C(what): a function that takes how far it is, renews the lock and shows it."""

        def report(text: str) -> None:
            self.renew()
            self.progress(f"{what}: {text}")

        return report
