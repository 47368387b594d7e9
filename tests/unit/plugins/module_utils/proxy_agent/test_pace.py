# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the agent looks again."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.pace import Pace


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("seconds", "due"), [pytest.param(29.9, False, id="not yet"), pytest.param(30.0, True, id="after 30 s")]
)
def test_a_full_pass_comes_round(clock: Clock, seconds: float, due: bool) -> None:
    pace = Pace(clock)
    assert pace.full_pass_is_due()
    pace.begin_full_pass()
    clock.now += seconds
    assert pace.full_pass_is_due() is due


def test_a_full_pass_for_another_reason_does_not_put_off_the_regular_one(clock: Clock) -> None:
    pace = Pace(clock)
    pace.begin_full_pass()
    clock.now += 29
    pace.begin_full_pass()
    clock.now += 1
    assert pace.full_pass_is_due()


def test_what_was_refused_is_tried_again_after_five_minutes(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.begin_full_pass()
    clock.now += 299
    assert not pace.begin_full_pass()
    clock.now += 1
    assert pace.begin_full_pass()
    assert not pace.begin_full_pass()


def test_a_look_that_failed_is_followed_by_a_full_pass(clock: Clock) -> None:
    pace = Pace(clock)
    pace.begin_full_pass()
    assert pace.after_failure() == 0.5
    assert pace.full_pass_is_due()


@pytest.mark.parametrize(
    ("away", "busy", "pause"),
    [
        pytest.param(False, False, 1.0, id="quiet"),
        pytest.param(False, True, 0.2, id="numbers move"),
        pytest.param(True, False, 0.5, id="the proxy is away"),
        pytest.param(True, True, 0.5, id="away, whatever moved before"),
    ],
)
def test_the_pause(clock: Clock, away: bool, busy: bool, pause: float) -> None:
    assert Pace(clock).after_look(away=away, busy=busy) == pause


def test_what_never_comes_up_is_looked_at_less_often_after_two_minutes(clock: Clock) -> None:
    pace = Pace(clock)
    pauses = []
    for _unused in range(3):
        pauses.append(pace.after_look(away=False, busy=True))
        clock.now += 60
    assert pauses == [0.2, 0.2, 1.0]
    pace.after_look(away=False, busy=False)
    assert pace.after_look(away=False, busy=True) == 0.2
