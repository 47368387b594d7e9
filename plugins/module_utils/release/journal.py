# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The journal of a run: which stage began, where it goes, and how it ended, written into the release record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..core.errors import DeliveryError
from .release import Release
from .run import utc_now


@contextmanager
def journal(release: Release, stage: str, goal: str | None = None) -> Iterator[None]:
    """Write that the stage started, where it goes (see JournalEntry), and how it ended, whatever error ended it.

    What is interrupted stays started, for nobody cleared up: the next run goes on from there.
    """
    run = release.run
    release.record.change(lambda record: record.entered(run.id, run.owner, stage, utc_now(), goal))
    try:
        yield
    except Exception:
        with suppress(DeliveryError):  # the stage's own error says more
            release.record.change(lambda record: record.left(stage, "failed", utc_now()))
        raise
    release.record.change(lambda record: record.left(stage, "done", utc_now()))
