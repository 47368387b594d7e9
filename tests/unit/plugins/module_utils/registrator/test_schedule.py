# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the next comparison is due."""

from __future__ import annotations

from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.schedule import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Schedule,
)

NOW = 100.0


def _dues_after(schedule: Schedule, until: float) -> list[float]:
    """The moments of all comparisons up to C(until) if each takes no time and succeeds."""
    dues = []
    while (due := schedule.due) <= until:
        dues.append(round(due, 3))
        schedule.succeeded(due)
    return dues


def test_regularly() -> None:
    assert _dues_after(Schedule(resync=10, first=NOW), NOW + 25) == [NOW, NOW + 10, NOW + 20]


def test_an_event_is_looked_at_three_times() -> None:
    schedule = Schedule(resync=10, first=NOW)
    schedule.succeeded(NOW)
    schedule.happened(NOW + 5)
    assert _dues_after(schedule, NOW + 20) == [NOW + 5, NOW + 5.15, NOW + 6, NOW + 16]


def test_events_in_a_row_do_not_push_the_first_look_away() -> None:
    schedule = Schedule(resync=10, first=NOW)
    schedule.succeeded(NOW)
    schedule.happened(NOW + 1)
    schedule.happened(NOW + 2)
    assert schedule.due == NOW + 1


def test_failures_pause_longer_and_longer_and_events_do_not_shorten_the_pause() -> None:
    schedule = Schedule(resync=10, first=NOW)
    pauses = []
    for _attempt in range(7):
        schedule.failed(NOW)
        schedule.happened(NOW)
        pauses.append(schedule.due - NOW)
    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_after_a_success_the_next_failure_pauses_shortly_again() -> None:
    schedule = Schedule(resync=10, first=NOW)
    for _attempt in range(5):
        schedule.failed(NOW)
    schedule.succeeded(NOW)
    schedule.failed(NOW)
    assert schedule.due == NOW + FIRST_PAUSE


def test_what_changes_by_itself_is_looked_at_then() -> None:
    schedule = Schedule(resync=10, first=NOW)
    schedule.succeeded(NOW, expiry=NOW + 3)
    assert schedule.due == NOW + 3
    schedule.succeeded(NOW + 3, expiry=NOW + 3)
    assert schedule.due == NOW + 13
