# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_stop: predicted, done, and nothing left to do."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import utc_now
from ansible_collections.dockerflow.delivery.plugins.modules import release_stop
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import NOW, World, release_of

from .conftest import Run


@pytest.fixture
def flipped(world: World) -> World:
    """Green is live, blue the old release."""
    world.colour("blue", 2, "v1")
    world.colour("green", 3, "v2")
    world.route("green")
    world.record(live=release_of("green", "v2", 3), previous=release_of("blue", "v1"), live_since=NOW)
    return world


def test_stopping_is_predicted_then_done_then_there(flipped: World, run: Run) -> None:
    predicted, done = run(release_stop, check=True), run(release_stop)
    for name in ("changed", "color", "instances", "reason", "diff"):
        assert predicted[name] == done[name], name
    assert (done["changed"], done["color"], done["instances"]) == (True, "blue", 2)
    assert (flipped.running("blue"), len(flipped.running("green"))) == ([], 3)
    for again in (run(release_stop, check=True), run(release_stop)):
        assert (again["changed"], again["reason"]) == (False, "colour blue does not run")


def test_what_is_live_is_not_stopped(flipped: World, run: Run) -> None:
    for check in (True, False):
        refused = run(release_stop, check=check, color="green")
        assert refused["failed"]
        assert "is served by the proxies and must not be stopped" in refused["msg"]
    assert len(flipped.running("green")) == 3


def test_kept_warm(flipped: World, run: Run) -> None:
    flipped.record(live=release_of("green", "v2", 3), previous=release_of("blue", "v1"), live_since=utc_now())
    warm = run(release_stop, keep_warm=600)
    assert (warm["changed"], warm["color"]) == (False, "blue")
    assert warm["reason"] == f"colour blue is kept warm until {warm['warm_until']}"
    assert len(flipped.running("blue")) == 2


def test_no_longer_kept_warm(flipped: World, run: Run) -> None:
    flipped.record(live=release_of("green", "v2", 3), live_since="2020-01-01T00:00:00Z")
    assert run(release_stop, keep_warm=600)["changed"]


def test_a_candidate_is_aborted_even_if_the_old_one_is_warm(world: World, run: Run) -> None:
    world.colour("blue", 2, "v1")
    world.route("blue")
    world.colour("green", 3, "v2")
    world.record(live=release_of("blue", "v1"), candidate=release_of("green", "v2"), live_since=utc_now())
    assert run(release_stop)["reason"].startswith("colour green is the candidate")
    done = run(release_stop, abort=True, keep_warm=600)
    assert (done["changed"], done["color"]) == (True, "green")
    assert world.recorded_now().candidate is None
    assert run(release_stop, abort=True)["reason"] == "there is no candidate to abort"


def test_a_proxy_without_a_heartbeat_blocks_until_it_is_excluded(flipped: World, run: Run) -> None:
    flipped.proxies["proxy-2"].behaviour = DEAD
    flipped.proxies.publish()
    assert "proxy-2 without a heartbeat may still serve colour blue" in run(release_stop)["msg"]
    assert len(flipped.running("blue")) == 2
    assert run(release_stop, exclude_proxies=["proxy-2"])["changed"]
    assert flipped.running("blue") == []


@pytest.mark.parametrize("check", [True, False])
def test_what_a_killed_flip_did_not_record_is_no_candidate(flipped: World, run: Run, check: bool) -> None:
    flipped.record(live=release_of("blue", "v1"), candidate=release_of("green", "v2", 3))
    result = run(release_stop, check=check, abort=True)
    assert (result.get("failed", False), result["changed"]) == (False, False)
