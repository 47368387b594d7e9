# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage deploy after a run that was killed: finished or undone, and never counted on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import deploy as stage_deploy
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import Sources
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import (
    run,
    shop_sources,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import task
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

BLUE, GREEN = "books-ms_app-blue", "books-ms_app-green"


@pytest.fixture
def sources(world: World, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """The shop, deployed by a command line that works."""
    return shop_sources(world)


def test_a_release_that_a_killed_run_left_is_recorded_and_not_restarted(world: World, sources: Sources) -> None:
    world.start_run()
    run(world, sources)
    world.consul.delete(f"docker-flow/releases/{SERVICE}")
    before = world.running("blue")
    plan = run(world, sources)
    assert (plan.changed, plan.reuse) == (True, True)
    assert world.running("blue") == before
    assert world.recorded_now().candidate is not None


def test_failures_before_a_killed_run_was_resumed_are_forgiven(world: World, sources: Sources) -> None:
    release = world.start_run()
    run(world, sources)
    release.record.change(lambda record: record.without_candidate())
    world.engine.task_list[BLUE] += [task("failed", f"old{number}") for number in range(5)]
    assert run(world, sources).reuse
    assert world.recorded_now().candidate is not None


def left_by_a_killed_run(world: World, sources: Sources) -> None:
    """Green has the wanted release, but its instances do not become healthy any more."""
    world.colour("blue", 2, "old")
    world.engine.outcome[GREEN] = "starting"
    world.colour("green", 2, sources.spec)
    world.route("blue")


def test_what_a_killed_run_left_is_removed_when_it_does_not_come_up(world: World, sources: Sources) -> None:
    left_by_a_killed_run(world, sources)
    world.start_run()
    with pytest.raises(DeliveryError, match="did not become healthy") as raised:
        run(world, sources)
    assert raised.value.result["removed"] is True
    assert world.release.color_service("green") is None


def test_the_proxies_forget_what_a_killed_run_had_prepared(world: World, sources: Sources) -> None:
    left_by_a_killed_run(world, sources)
    world.route("blue", instances={"blue": 2, "green": 2})
    world.start_run()
    with pytest.raises(DeliveryError, match="did not become healthy"):
        run(world, sources)
    assert world.route_now().instances == {"blue": 2}


def test_the_previous_release_is_not_removed_for_a_bad_moment(world: World, sources: Sources) -> None:
    left_by_a_killed_run(world, sources)
    world.record(live=release_of("blue", "old"), previous=release_of("green", sources.spec))
    world.start_run()
    with pytest.raises(DeliveryError, match="did not become healthy") as raised:
        run(world, sources)
    assert raised.value.result["removed"] is False
    assert world.release.color_service("green") is not None


def test_neither_flip_nor_rollback_counts_on_what_is_being_replaced(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.record(live=release_of("blue", "old"), candidate=release_of("green", "older"))
    world.start_run()

    def killed(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage_deploy, "prove", killed)
    with pytest.raises(KeyboardInterrupt):
        run(world, sources)
    assert world.recorded_now().candidate is None
    assert len(world.running("green")) == 2


def test_a_flip_that_a_killed_run_could_not_record_is_recorded(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "v1")
    world.colour("green", 2, "v2")
    world.route("green")
    world.record(live=release_of("blue", "v1"), candidate=release_of("green", "v2"))
    world.start_run()
    assert run(world, sources).color == "blue"
    record = world.recorded_now()
    assert record.live == release_of("green", "v2")
    assert record.candidate is not None
    assert (record.candidate.color, record.candidate.spec) == ("blue", sources.spec)
