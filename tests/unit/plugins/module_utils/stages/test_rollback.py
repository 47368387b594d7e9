# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollback: only to what was live before, warm or started again first."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.rollback import (
    STAGE,
    RollbackPlan,
    plan_rollback,
    start_previous,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service, task
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import NOW, SERVICE, World, release_of


def truth(live: str | None, running: dict[str, int], specs: dict[str, str]) -> Truth:
    services = {color: service(f"books-ms_app-{color}", 1, spec) for color, spec in specs.items()}
    route = Route(SERVICE, 4, ("/",), Split(live)) if live else None
    return Truth(route, 7, {}, services, running, SERVICE)


def record(**changes: Any) -> ReleaseRecord:
    return ReleaseRecord("books-ms", "app", **changes)


GREEN_LIVE = record(live=release_of("green", "v2"), previous=release_of("blue", "v1"))
BOTH = {"blue": "v1", "green": "v2"}


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        pytest.param(truth("green", {"blue": 2, "green": 2}, BOTH), GREEN_LIVE, ("blue", 2, True), id="warm"),
        pytest.param(truth("green", {"green": 3}, BOTH), GREEN_LIVE, ("blue", 3, False), id="cold: at the live count"),
        pytest.param(
            truth("green", {"blue": 1, "green": 3}, BOTH), GREEN_LIVE, ("blue", 3, False), id="too few are warm"
        ),
        pytest.param(truth("green", {"blue": 2}, BOTH), GREEN_LIVE, ("blue", 1, True), id="nothing of live runs"),
        pytest.param(
            truth("green", {"blue": 2, "green": 2}, BOTH),
            record(live=release_of("blue", "v1"), candidate=release_of("green", "v2")),
            ("blue", 2, True),
            id="the flip was not recorded",
        ),
        pytest.param(
            truth("green", {"blue": 2, "green": 2}, BOTH),
            record(live=release_of("green", "v2"), previous=release_of("blue", "")),
            ("blue", 2, True),
            id="it was live before the record was lost",
        ),
    ],
)
def test_plan(found: Truth, known: ReleaseRecord, expected: tuple[str, int, bool]) -> None:
    assert plan_rollback(found, known) == RollbackPlan(*expected)


@pytest.mark.parametrize(
    ("found", "known", "said"),
    [
        pytest.param(truth(None, {"blue": 2}, BOTH), record(), "was never live, so there is nothing", id="never live"),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "v1"}), record(), "colour green was removed", id="first release"
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, BOTH),
            record(live=release_of("blue", "v1"), candidate=release_of("green", "v2")),
            "colour green holds a release that was never live",
            id="a candidate",
        ),
        pytest.param(
            truth("green", {"blue": 1, "green": 2}, {"blue": "v3", "green": "v2"}),
            GREEN_LIVE,
            "colour blue holds a release that was never live",
            id="a deploy over it was killed",
        ),
        pytest.param(
            truth("green", {"blue": 2, "green": 2}, BOTH),
            record(live=release_of("green", "v2")),
            "colour blue holds a release that was never live",
            id="nothing is known of it",
        ),
    ],
)
def test_nothing_to_go_back_to(found: Truth, known: ReleaseRecord, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        plan_rollback(found, known)


@pytest.mark.parametrize(
    ("live", "known", "expected"),
    [
        pytest.param("green", GREEN_LIVE, ("blue", True), id="killed before its flip"),
        pytest.param("blue", GREEN_LIVE, ("blue", False), id="killed after its flip"),
        pytest.param("blue", GREEN_LIVE.made_live("blue", NOW), ("blue", False), id="killed after it was recorded"),
    ],
)
def test_a_killed_rollback_is_finished_and_not_turned_round(
    live: str, known: ReleaseRecord, expected: tuple[str, bool]
) -> None:
    killed = known.entered("run-1", "ann", STAGE, NOW, "blue")
    plan = plan_rollback(truth(live, {"blue": 2, "green": 2}, BOTH), killed)
    assert (plan.color, plan.changed) == expected
    done = killed.left(STAGE, "done", NOW)
    assert plan_rollback(truth(live, {"blue": 2, "green": 2}, BOTH), done).color != live


# -- starting it again -------------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(world: World) -> World:
    """Green is live with two instances, blue was stopped."""
    world.colour("blue", 0, "v1")
    world.colour("green", 2, "v2")
    world.route("green")
    world.record(live=release_of("green", "v2"), previous=release_of("blue", "v1", 0))
    world.start_run()
    return world


def test_the_previous_release_is_started(stopped: World) -> None:
    start_previous(stopped.release, RollbackPlan("blue", 2, False), timeout=0.0, max_failures=3)
    assert len(stopped.running("blue")) == 2
    previous = stopped.recorded_now().previous
    assert previous is not None
    assert previous.instances == 2


def test_one_that_does_not_start_is_stopped_again(stopped: World) -> None:
    stopped.engine.outcome["books-ms_app-blue"] = "starting"
    green = stopped.running("green")
    with pytest.raises(DeliveryError, match="'books-ms_app-blue' did not become healthy"):
        start_previous(stopped.release, RollbackPlan("blue", 2, False), timeout=0.0, max_failures=3)
    service = stopped.release.color_service("blue")
    assert service is not None
    assert service.replicas == 0
    assert stopped.running("green") == green
    assert stopped.release.truth().live == "green"


def test_failures_of_its_first_life_are_forgiven(stopped: World) -> None:
    stopped.engine.task_list["books-ms_app-blue"] += [task("failed", f"old{number}") for number in range(5)]
    start_previous(stopped.release, RollbackPlan("blue", 2, False), timeout=0.0, max_failures=3)
    assert len(stopped.running("blue")) == 2


def test_a_run_that_slept_leaves_it_alone(stopped: World) -> None:
    stopped.engine.outcome["books-ms_app-blue"] = "starting"

    def sleep(name: str) -> None:
        if len(stopped.engine.task_list[name]) == 2 and name.endswith("blue"):  # it has just been started
            stopped.consul.expire(stopped.release.run.id)

    stopped.engine.on_change.append(sleep)
    with pytest.raises(DeliveryError, match="no longer holds the lock"):
        start_previous(stopped.release, RollbackPlan("blue", 2, False), timeout=0.0, max_failures=3)
    service = stopped.release.color_service("blue")
    assert service is not None
    assert service.replicas == 2
