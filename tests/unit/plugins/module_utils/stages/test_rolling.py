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
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import StackDocument
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import rolling as stage_rolling
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.rolling import RollingPlan, plan_rolling, roll
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import DeployWish, Sources
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_state import (
    SPEC_LABEL,
    ServiceState,
    service_state,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import shop_sources
from ansible_collections.dockerflow.delivery.tests.unit.fakes.swarm import recorded
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

NAME = "books-ms_app"
AT_ONCE = DeployWish(timeout=0.0)


@pytest.fixture
def sources(world: World) -> Sources:
    """The shop, whose image is here."""
    return shop_sources(world, colored=False)


def running(spec: str, replicas: int = 2, update: str | None = None) -> ServiceState:
    item = recorded("services")["running"]
    item["Spec"]["Labels"] = {SPEC_LABEL: spec}
    item["Spec"]["Mode"]["Replicated"]["Replicas"] = replicas
    if update:
        item["UpdateStatus"] = {"State": update}
    return service_state(item)


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
        pytest.param("rollback_started", 2, {}, (2, True), id="it is being rolled back"),
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
        **{state: running(sources.spec, update=state) for state in ("updating", "rollback_started", "completed")},
    }[service]
    plan = plan_rolling(DeployWish(**wish), known, count, sources)
    assert (plan.instances, plan.changed) == expected


def deploys(world: World, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any] | None = None) -> None:
    """A C(docker stack deploy) that works, after which Swarm says this of the update."""

    def apply(document: StackDocument, **_options: Any) -> list[str]:
        service = document.content["services"]["app"]
        world.swarm.deploy(NAME, service["deploy"]["replicas"], service["deploy"]["labels"], image="app:new")
        if status:
            world.swarm.items[NAME]["UpdateStatus"] = status
        return []

    monkeypatch.setattr(stage_rolling, "stack_deploy", apply)


def update(world: World, sources: Sources) -> RollingPlan:
    release = world.start_run()
    service = release.engine.service(NAME)
    plan = plan_rolling(AT_ONCE, service, len(release.engine.running(service)), sources)
    roll(release, sources, plan, AT_ONCE)
    return plan


def test_the_first_deploy_has_no_update_to_wait_for(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploys(world, monkeypatch)
    assert update(world, sources).instances == 1


def test_a_good_update(world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    world.swarm.deploy(NAME, 2)
    deploys(world, monkeypatch, {"State": "completed", "StartedAt": "now"})
    update(world, sources)
    service = world.release.engine.service(NAME)
    assert service is not None
    assert service.labels[SPEC_LABEL] == sources.spec


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(
            {"State": "rollback_completed", "StartedAt": "now", "Message": "rollback completed"},
            "is rollback_completed (rollback completed); users are on the old release",
            id="rolled back",
        ),
        pytest.param(
            {"State": "rollback_started", "StartedAt": "now", "Message": "update rolled back"},
            "is rollback_started (update rolled back); Swarm goes back to the old release",
            id="rolling back",
        ),
        pytest.param(
            {"State": "paused", "StartedAt": "now", "Message": "failure of task t"},
            "is paused (failure of task t); users may get either release",
            id="paused",
        ),
        pytest.param(
            {"State": "updating", "StartedAt": "now"},
            "did not end within 0 s; users may get either release",
            id="it takes too long",
        ),
        pytest.param(
            {"State": "completed", "StartedAt": "before"}, "did not end within 0 s", id="only the one before has ended"
        ),
    ],
)
def test_an_update_that_does_not_complete_is_a_failure(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], said: str
) -> None:
    world.swarm.deploy(NAME, 2)
    world.swarm.items[NAME]["UpdateStatus"] = {"State": "completed", "StartedAt": "before"}
    deploys(world, monkeypatch, status)
    with pytest.raises(DeliveryError) as raised:
        update(world, sources)
    assert str(raised.value).startswith(f"rolling update of 'books-ms_app' {said}")
    assert raised.value.result["reason"] in str(raised.value)


def test_the_failing_instance_is_heard(world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    world.swarm.deploy(NAME, 2)
    world.swarm.logs = ["no database"]
    deploys(world, monkeypatch, {"State": "rollback_completed", "StartedAt": "now", "Message": "x"})
    failed = recorded("tasks")["failed"]
    world.swarm.on_change.append(
        lambda name: world.swarm.task_items[name].append(
            {**failed, "ID": "new", "ServiceID": world.swarm.items[name]["ID"]}
        )
    )
    with pytest.raises(DeliveryError, match=r"old release; task: non-zero exit \(3\); last log lines: no database$"):
        update(world, sources)


def test_what_failed_long_ago_is_not_the_reason(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.swarm.deploy(NAME, 2)
    old = {**recorded("tasks")["failed"], "ID": "old", "ServiceID": world.swarm.items[NAME]["ID"]}
    world.swarm.task_items[NAME].append(old)
    deploys(world, monkeypatch, {"State": "rollback_completed", "StartedAt": "now", "Message": "x"})
    with pytest.raises(DeliveryError, match=r"users are on the old release$"):
        update(world, sources)


def test_only_another_number_is_no_update(world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    world.swarm.deploy(NAME, 2, image="app:new")
    deploys(world, monkeypatch)
    release = world.start_run()
    plan = plan_rolling(replace(AT_ONCE, scale=Scale.parse("3")), release.engine.service(NAME), 2, sources)
    roll(release, sources, plan, AT_ONCE)
    assert len(release.engine.running(release.engine.service(NAME))) == 3


def test_an_earlier_update_that_hangs_is_not_mixed_with_the_next(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.swarm.deploy(NAME, 2)
    world.swarm.items[NAME]["UpdateStatus"] = {"State": "updating", "StartedAt": "before"}
    deploys(world, monkeypatch)
    with pytest.raises(DeliveryError, match=r"^an earlier update of 'books-ms_app' did not end within 0 s"):
        update(world, sources)
    assert world.swarm.items[NAME]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "app:1"
