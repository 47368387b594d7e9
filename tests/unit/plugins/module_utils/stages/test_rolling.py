# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling updates: their outcome is waited for, whatever Docker's own command line says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import Phase, ServiceState, UpdateState
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.rolling import RollingPlan, plan_rolling, roll
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import DeployWish, Sources
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import shop_sources
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service as service_of
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import task
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

NAME = "books-ms_app"
AT_ONCE = DeployWish(timeout=0.0)


@pytest.fixture
def sources(world: World) -> Sources:
    """The shop, whose image is here."""
    return shop_sources(world, colored=False)


def running(spec: str, replicas: int = 2, update: Phase | None = None) -> ServiceState:
    return service_of(NAME, replicas, spec, update=UpdateState(update, update, "", None) if update else None)


@pytest.mark.parametrize(
    ("service", "count", "wish", "expected"),
    [
        pytest.param(None, 0, {}, (1, True), id="first deploy: the file's number"),
        pytest.param("same", 2, {}, (2, False), id="exactly this runs"),
        pytest.param("same", 2, {"force": True}, (2, True), id="forced"),
        pytest.param("same", 2, {"scale": Scale.parse("+1")}, (3, True), id="another number"),
        pytest.param("same", 1, {}, (1, True), id="one of two is missing"),
        pytest.param("old", 2, {}, (2, True), id="another release, the number is kept"),
        pytest.param("old", 2, {"scale": Scale.parse("x2")}, (4, True), id="another release and number"),
        pytest.param("updating", 2, {}, (2, True), id="a killed run's update goes on"),
        pytest.param("rolling_back", 2, {}, (2, True), id="it is being rolled back"),
        pytest.param("completed", 2, {}, (2, False), id="its update completed"),
    ],
)
def test_plan(
    sources: Sources, service: str | None, count: int, wish: dict[str, Any], expected: tuple[int, bool]
) -> None:
    known = {
        None: None,
        "same": running(sources.spec),
        "old": running("old"),
        **{state: running(sources.spec, update=state) for state in ("updating", "rolling_back", "completed")},
    }[service]
    plan = plan_rolling(DeployWish(**wish), known, count, sources)
    assert (plan.instances, plan.changed) == expected


def deploys(world: World, status: UpdateState | None = None) -> None:
    """A deploy that works, after which the engine says this of the update."""
    if status:
        world.engine.updates[NAME] = status


def update(world: World, sources: Sources) -> RollingPlan:
    release = world.start_run()
    service = release.engine.service(NAME)
    plan = plan_rolling(AT_ONCE, service, len(release.engine.running(service)), sources)
    roll(release, sources, plan, AT_ONCE)
    return plan


def test_the_first_deploy_has_no_update_to_wait_for(world: World, sources: Sources) -> None:
    deploys(world)
    assert update(world, sources).instances == 1


def test_a_good_update(world: World, sources: Sources) -> None:
    world.engine.put(NAME, 2, image="app:0")
    deploys(world, UpdateState("completed", "completed", "", "now"))
    update(world, sources)
    service = world.release.engine.service(NAME)
    assert service is not None
    assert service.spec == sources.spec


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(
            UpdateState("rolled_back", "rollback_completed", "rollback completed", "now"),
            "is rollback_completed (rollback completed); users are on the old release",
            id="rolled back",
        ),
        pytest.param(
            UpdateState("rolling_back", "rollback_started", "update rolled back", "now"),
            "is rollback_started (update rolled back); Swarm goes back to the old release",
            id="rolling back",
        ),
        pytest.param(
            UpdateState("paused", "paused", "failure of task t", "now"),
            "is paused (failure of task t); users may get either release",
            id="paused",
        ),
        pytest.param(
            UpdateState("updating", "updating", "", "now"),
            "did not end within 0 s; users may get either release",
            id="it takes too long",
        ),
        pytest.param(
            UpdateState("completed", "completed", "", "before"),
            "did not end within 0 s",
            id="only the one before has ended",
        ),
    ],
)
def test_an_update_that_does_not_complete_is_a_failure(
    world: World, sources: Sources, status: UpdateState, said: str
) -> None:
    world.engine.put(NAME, 2, image="app:0")
    world.engine.touch(NAME, update=UpdateState("completed", "completed", "", "before"))
    deploys(world, status)
    with pytest.raises(DeliveryError) as raised:
        update(world, sources)
    assert str(raised.value).startswith(f"rolling update of 'books-ms_app' {said}")
    assert raised.value.result["reason"] in str(raised.value)


def test_the_failing_instance_is_heard(world: World, sources: Sources) -> None:
    world.engine.put(NAME, 2, image="app:0")
    world.engine.logs = ["no database"]
    deploys(world, UpdateState("rolled_back", "rollback_completed", "x", "now"))
    world.engine.on_change.append(lambda name: world.engine.task_list[name].append(task("failed", "new")))
    with pytest.raises(DeliveryError, match=r"old release; task: non-zero exit \(3\); last log lines: no database$"):
        update(world, sources)


def test_what_failed_long_ago_is_not_the_reason(world: World, sources: Sources) -> None:
    world.engine.put(NAME, 2, image="app:0")
    world.engine.task_list[NAME].append(task("failed", "old"))
    deploys(world, UpdateState("rolled_back", "rollback_completed", "x", "now"))
    with pytest.raises(DeliveryError, match=r"users are on the old release$"):
        update(world, sources)


def test_only_another_number_is_no_update(world: World, sources: Sources) -> None:
    world.engine.put(NAME, 2, image="app:1")
    deploys(world)
    release = world.start_run()
    plan = plan_rolling(replace(AT_ONCE, scale=Scale.parse("3")), release.engine.service(NAME), 2, sources)
    roll(release, sources, plan, AT_ONCE)
    assert len(release.engine.running(release.engine.service(NAME))) == 3


def test_an_earlier_update_that_hangs_is_not_mixed_with_the_next(world: World, sources: Sources) -> None:
    world.engine.put(NAME, 2, image="app:0")
    world.engine.touch(NAME, update=UpdateState("updating", "updating", "", "before"))
    deploys(world)
    with pytest.raises(DeliveryError, match=r"^an earlier update of 'books-ms_app' did not end within 0 s"):
        update(world, sources)
    assert world.engine.services[NAME].image == "app:0"
