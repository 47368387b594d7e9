# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""relative_scale: predicted, done, and exact however often it is called or killed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import scaling as stage_scale
from ansible_collections.dockerflow.delivery.plugins.modules import relative_scale
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World, release_of

from .conftest import Run


@pytest.fixture
def live(world: World) -> World:
    """Blue is live with two instances, green a candidate with one."""
    world.colour("blue", 2, "v1")
    world.route("blue")
    world.colour("green", 1, "v2")
    world.record(live=release_of("blue", "v1"), candidate=release_of("green", "v2", 1))
    return world


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"scale": "+2"}, {"blue": (2, 4)}, id="up"),
        pytest.param({"scale": "-1"}, {"blue": (2, 1)}, id="down"),
        pytest.param({"scale": "3", "which": "both"}, {"blue": (2, 3), "green": (1, 3)}, id="both"),
        pytest.param({"scale": "x2", "which": "candidate"}, {"green": (1, 2)}, id="candidate"),
    ],
)
def test_scaling_is_predicted_then_done(
    live: World, run: Run, options: dict[str, Any], expected: dict[str, tuple[int, int]]
) -> None:
    predicted, done = run(relative_scale, check=True, **options), run(relative_scale, **options)
    for name in ("changed", "colors", "diff"):
        assert predicted[name] == done[name], name
    assert done["changed"]
    assert done["colors"] == {color: {"before": old, "after": new} for color, (old, new) in expected.items()}
    for color, (_old, new) in expected.items():
        assert len(live.running(color)) == new


def test_an_absolute_number_twice_changes_nothing(live: World, run: Run) -> None:
    assert [run(relative_scale, scale="3")["changed"] for _time in range(2)] == [True, False]


def test_ten_steps_are_ten(live: World, run: Run) -> None:
    for _time in range(10):
        assert run(relative_scale, scale="+1")["changed"]
    assert len(live.running("blue")) == 12


@pytest.mark.parametrize("text", ["two", "+", "-0", "+2.5", ""])
def test_malformed(live: World, run: Run, text: str) -> None:
    refused = run(relative_scale, scale=text)
    assert refused["failed"]
    assert refused["msg"].startswith(f"stage scale: scale '{text}' is not valid")
    assert live.consul.written == []


def test_out_of_bounds(live: World, run: Run) -> None:
    for check in (True, False):
        assert "below the minimum of 1" in run(relative_scale, check=check, scale="-5")["msg"]
    assert len(live.running("blue")) == 2


@pytest.mark.parametrize("killed_in", ["wait_until_healthy", "expect"])
def test_a_killed_step_is_finished_and_not_added_twice(
    live: World, run: Run, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    def kill(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stage_scale, killed_in, kill)
        with pytest.raises(KeyboardInterrupt):
            run(relative_scale, scale="+2")
    assert live.route_now().instances == {"blue": 2}
    assert run(relative_scale, scale="+2")["changed"]
    assert len(live.running("blue")) == 4
    assert live.route_now().instances == {"blue": 4}
    assert run(relative_scale, scale="+2")["colors"] == {"blue": {"before": 4, "after": 6}}
