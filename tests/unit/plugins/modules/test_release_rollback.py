# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_rollback: back to the previous release, warm or cold, and only once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import proxy as stage_proxy
from ansible_collections.dockerflow.delivery.plugins.modules import release_rollback
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World, release_of

from .conftest import Run


@pytest.fixture
def flipped(world: World) -> World:
    """Green is live, blue the previous release, which still runs."""
    world.colour("blue", 2, "v1")
    world.colour("green", 2, "v2")
    world.route("green")
    world.record(live=release_of("green", "v2"), previous=release_of("blue", "v1"))
    return world


@pytest.mark.parametrize("warm", [pytest.param(True, id="warm"), pytest.param(False, id="cold")])
def test_a_rollback_is_predicted_then_done(flipped: World, run: Run, warm: bool) -> None:
    if not warm:
        flipped.colour("blue", 0, "v1")
    predicted, done = run(release_rollback, check=True), run(release_rollback)
    for name in ("changed", "color", "warm", "instances", "diff"):
        assert predicted[name] == done[name], name
    assert (done["changed"], done["color"], done["warm"], done["instances"]) == (True, "blue", warm, 2)
    assert flipped.route_now().split.live == "blue"
    record = flipped.recorded_now()
    assert (record.live, record.previous) == (release_of("blue", "v1"), release_of("green", "v2"))


def test_one_that_does_not_start_leaves_users_where_they_are(flipped: World, run: Run) -> None:
    flipped.colour("blue", 0, "v1")
    flipped.engine.outcome["books-ms_app-blue"] = "rejected"
    failed = run(release_rollback)
    assert failed["failed"]
    assert "No such image" in failed["msg"]
    assert flipped.route_now().split.live == "green"
    assert len(flipped.running("green")) == 2


@pytest.mark.parametrize("killed_in", ["apply", "record_live"])
def test_a_killed_rollback_is_finished_and_not_turned_round(
    flipped: World, run: Run, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    def kill(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stage_proxy, killed_in, kill)
        with pytest.raises(KeyboardInterrupt):
            run(release_rollback)
    run(release_rollback)
    assert flipped.route_now().split.live == "blue"
    record = flipped.recorded_now()
    assert (record.live, record.previous) == (release_of("blue", "v1"), release_of("green", "v2"))


def test_nothing_to_go_back_to(world: World, run: Run) -> None:
    world.colour("blue", 2, "v1")
    world.route("blue")
    for check in (True, False):
        assert "'books-ms-app' has no previous release: colour green was removed" in run(release_rollback, check)["msg"]
