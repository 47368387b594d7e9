# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_lock: a run from its first to its last stage."""

from __future__ import annotations

from ansible_collections.dockerflow.delivery.plugins.modules import release_lock
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

from .conftest import Run


def test_a_run(world: World, run: Run) -> None:
    started = run(release_lock, owner="ann@laptop", stage="deploy")
    assert (started["changed"], started["run"]) == (False, "session-1")
    assert run(release_lock, run="session-1", stage="proxy")["run"] == "session-1"
    assert world.consul.keys[world.release.keys.lock].json()["stage"] == "proxy"
    assert run(release_lock, run="session-1", state="released")["run"] is None
    assert (world.consul.keys.get(world.release.keys.lock), world.consul.sessions) == (None, set())


def test_the_second_is_refused_and_may_take_over(world: World, run: Run) -> None:
    run(release_lock, owner="ann@laptop", stage="deploy")
    refused = run(release_lock, owner="bob@ci")
    assert refused["failed"]
    assert "ann@laptop holds the lock since" in refused["msg"]
    taken = run(release_lock, owner="bob@ci", take_over=True)
    lost = run(release_lock, run="session-1")
    assert lost["failed"]
    assert "bob@ci holds it since" in lost["msg"]
    assert world.consul.sessions == {taken["run"]}


def test_check_mode_takes_nothing(world: World, run: Run) -> None:
    assert run(release_lock, check=True)["run"] is None


def test_ending_needs_a_run(run: Run) -> None:
    assert "run" in run(release_lock, state="released")["msg"]


def test_ending_a_run_that_is_gone_is_fine(world: World, run: Run) -> None:
    started = run(release_lock)
    world.consul.expire(started["run"])
    assert "failed" not in run(release_lock, run=started["run"], state="released")
