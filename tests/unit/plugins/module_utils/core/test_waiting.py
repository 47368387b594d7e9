# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting by condition, on a clock that the test turns."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import Deadline, wait_until


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_deadline_counts_down_and_stops_at_zero() -> None:
    clock = Clock()
    deadline = Deadline(5.0, clock)
    assert (deadline.elapsed, deadline.remaining, deadline.passed) == (0.0, 5.0, False)
    clock.now += 4.0
    assert (deadline.elapsed, deadline.remaining, deadline.passed) == (4.0, 1.0, False)
    clock.now += 4.0
    assert (deadline.elapsed, deadline.remaining, deadline.passed) == (8.0, 0.0, True)


def test_what_is_true_at_once_is_not_waited_for() -> None:
    clock = Clock()
    assert wait_until(lambda: "there", 10.0, sleep=clock.sleep, clock=clock) == "there"
    assert clock.pauses == []


def test_the_pause_grows_to_its_maximum() -> None:
    clock = Clock()
    wait_until(lambda: None, 6.0, interval=0.4, max_interval=1.0, sleep=clock.sleep, clock=clock)
    assert clock.pauses[:5] == pytest.approx([0.4, 0.6, 0.9, 1.0, 1.0])
    assert sum(clock.pauses) == pytest.approx(6.0)  # never past the deadline


def test_the_probe_is_tried_once_more_after_the_deadline() -> None:
    clock = Clock()
    looks: list[float] = []

    def probe() -> bool:
        looks.append(clock.now - 1000.0)
        if len(looks) == 1:
            clock.now += 30.0  # a slow look
        return len(looks) == 2

    assert wait_until(probe, 10.0, sleep=clock.sleep, clock=clock) is True
    assert looks == pytest.approx([0.0, 30.0], abs=0.01)


def test_without_time_there_is_still_one_look() -> None:
    clock, looks = Clock(), []
    assert wait_until(lambda: looks.append(1), 0.0, sleep=clock.sleep, clock=clock) is None
    assert (len(looks), clock.pauses) == (1, [])


def test_false_and_empty_are_not_found() -> None:
    clock = Clock()
    assert wait_until(list, 1.0, sleep=clock.sleep, clock=clock) is None


def test_whoever_waits_is_told_for_how_long_and_may_end_it() -> None:
    clock, told = Clock(), []

    def on_wait(elapsed: float) -> None:
        told.append(elapsed)
        if elapsed > 1.0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        wait_until(lambda: None, 60.0, interval=1.0, on_wait=on_wait, sleep=clock.sleep, clock=clock)
    assert told == pytest.approx([0.0, 1.0, 2.0])


def test_a_failing_probe_ends_the_wait() -> None:
    def probe() -> bool:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        wait_until(probe, 60.0)
