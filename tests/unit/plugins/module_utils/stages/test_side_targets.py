# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Side targets: what they keep, and when they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import Deployment, ImageState
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.deploy import start_side_targets
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.side_targets import (
    running_side_targets,
    wait_for_side_targets,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import Sources, prepare
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import AT_ONCE, run
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop


def test_side_targets_keep_what_they_run_with(world: World) -> None:
    world.engine.put("books-ms_db", 3, image="db:1@sha256:old")
    kept = running_side_targets(world.release.engine, "books-ms", ["db", "cache"])
    assert {name: (one.replicas, one.image) for name, one in kept.items()} == {"db": (3, "db:1@sha256:old")}


def test_waited_for_until_all_instances_are_healthy(world: World) -> None:
    world.engine.put("books-ms_db", 3)
    wait_for_side_targets(world.start_run(), ["db"], 0.0, 3)


def test_one_that_does_not_come_up(world: World) -> None:
    world.engine.outcome["books-ms_db"] = "starting"
    world.engine.put("books-ms_db", 1)
    with pytest.raises(DeliveryError, match="'books-ms_db' did not become healthy: after 0 s 0 of 1"):
        wait_for_side_targets(world.start_run(), ["db"], 0.0, 3)


def test_one_that_is_gone(world: World) -> None:
    with pytest.raises(DeliveryError, match="side target 'db' vanished"):
        wait_for_side_targets(world.start_run(), ["db"], 0.0, 3)


MIGRATE = "books-ms_migrate"
DB = "books-ms_db"
WISH = replace(AT_ONCE, side_targets=("db", "migrate"))


def waits(**conditions: str) -> dict[str, Any]:
    return {"depends_on": {name: {"condition": f"service_{said}"} for name, said in conditions.items()}}


def sources(
    world: World,
    app: Mapping[str, Any] | None = None,
    migrate: Mapping[str, Any] | None = None,
    image: str = "migrate:1",
) -> Sources:
    """The shop with a migration that needs its database, and the target that needs the migration."""
    for name in ("app:1", "db:1", image):
        world.engine.images[name] = ImageState(f"sha256:{name}")
    needs = app if app is not None else waits(db="healthy", migrate="completed_successfully")
    job = {"image": image, **(migrate if migrate is not None else waits(db="healthy"))}
    project = replace(shop(dict(needs), services={"migrate": job}), name="books-ms")
    return prepare(world.release.engine, project, "app", WISH, colored=True)


def bring_up(world: World, found: Sources) -> list[str]:
    return start_side_targets(world.release, found, "blue", 1, WISH)


@pytest.fixture
def shopping(world: World) -> World:
    """A run has begun; a migration completes when it is started."""
    world.engine.outcome[MIGRATE] = "complete"
    world.engine.jobs.add(MIGRATE)
    world.start_run()
    return world


def test_everything_starts_in_its_order_and_the_target_last(shopping: World) -> None:
    run(shopping, sources(shopping), WISH)
    assert [call for call in shopping.engine.calls if "deploy" in call] == ["deploy db", "deploy migrate", "deploy"]
    said = [line for line in shopping.progress if line.startswith("bringing up")]
    assert said == ["bringing up db", "bringing up migrate"]


def test_every_wave_is_a_part_of_the_same_whole(shopping: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for whom is not to be seen in a wave alone."""
    deployed: list[Deployment] = []
    apply = shopping.engine.deploy

    def deploy(deployment: Deployment, timeout: float, **how: bool) -> None:
        deployed.append(deployment)
        apply(deployment, timeout, **how)

    monkeypatch.setattr(shopping.engine, "deploy", deploy)
    bring_up(shopping, sources(shopping))
    assert [one.only for one in deployed] == [("db",), ("migrate",)]
    assert {one.side_targets for one in deployed} == {WISH.side_targets}


@pytest.mark.parametrize(
    ("db", "migrate", "said"),
    [
        pytest.param("starting", "complete", f"side target 'db': service '{DB}' did not become healthy", id="db"),
        pytest.param("running", "failed", f"side target 'migrate': service '{MIGRATE}' did not complete", id="failed"),
        pytest.param(
            "running", "running", f"side target 'migrate': service '{MIGRATE}' did not complete", id="endless"
        ),
        pytest.param("pending", "complete", f"side target 'db': service '{DB}' did not become healthy", id="no node"),
    ],
)
def test_one_that_is_not_there_holds_the_target_back_and_nothing_is_removed(
    shopping: World, db: str, migrate: str, said: str
) -> None:
    shopping.colour("blue", 2, "old")
    shopping.colour("green", 2, "older")
    shopping.route("blue")
    shopping.engine.outcome |= {DB: db, MIGRATE: migrate}
    shopping.engine.logs = ["what it said"]
    with pytest.raises(DeliveryError, match=f"^{said}.*; last log lines: what it said$"):
        run(shopping, sources(shopping), WISH)
    assert (len(shopping.running("green")), shopping.engine.services["books-ms_app-green"].spec) == (2, "older")


def test_one_that_nobody_requires_is_warned_of(shopping: World) -> None:
    optional = {"depends_on": {"db": {"condition": "service_healthy", "required": False}}}
    shopping.engine.outcome[DB] = "starting"
    (sentence,) = bring_up(shopping, sources(shopping, optional, {}))
    assert sentence.startswith(f"side target 'db': service '{DB}' did not become healthy")
    assert sentence.endswith("; nobody requires it")


def test_the_release_goes_on_without_one_that_nobody_requires(shopping: World) -> None:
    optional = {"depends_on": {"db": {"condition": "service_healthy", "required": False}}}
    shopping.engine.outcome[DB] = "starting"
    run(shopping, sources(shopping, optional, {}), WISH)
    assert len(shopping.running("blue")) > 0


def test_what_runs_already_is_not_waited_for_whole(shopping: World) -> None:
    shopping.engine.put(DB, 2, image="db:1")
    shopping.engine.stop_task(DB)
    assert bring_up(shopping, sources(shopping)) == []


def test_what_runs_of_an_earlier_definition_is_not_what_is_waited_for(shopping: World) -> None:
    shopping.engine.put(DB, 1, image="db:0")
    found = replace(sources(shopping), kept={})
    with pytest.raises(DeliveryError, match=f"'{DB}' did not become healthy: after 0 s 0 of 1 instances healthy"):
        bring_up(shopping, found)


@pytest.mark.parametrize("condition", ["started", "healthy", "completed_successfully"])
def test_one_that_is_to_have_no_instance_is_not_waited_for(shopping: World, condition: str) -> None:
    none = {"deploy": {"replicas": 0}}
    found = sources(shopping, waits(migrate=condition), none)
    run(shopping, found, WISH)
    assert (shopping.engine.services[MIGRATE].replicas, len(shopping.running("blue"))) == (0, 1)


def test_a_job_that_completed_does_not_run_again(shopping: World) -> None:
    bring_up(shopping, sources(shopping))
    before = list(shopping.engine.task_list[MIGRATE])
    bring_up(shopping, sources(shopping))
    assert shopping.engine.task_list[MIGRATE] == before
    assert f"restart {MIGRATE}" not in shopping.engine.calls


def test_a_job_is_of_this_release(shopping: World) -> None:
    bring_up(shopping, sources(shopping))
    found = sources(shopping, image="migrate:2")
    assert set(found.kept) == {"db"}
    bring_up(shopping, found)
    assert shopping.engine.services[MIGRATE].image == "migrate:2"


def test_a_job_of_an_earlier_image_does_not_count(shopping: World) -> None:
    bring_up(shopping, sources(shopping))
    shopping.engine.outcome[MIGRATE] = "failed"
    with pytest.raises(DeliveryError, match=r"side target 'migrate': .* did not complete"):
        bring_up(shopping, sources(shopping, image="migrate:2"))


def test_a_job_that_failed_before_is_started_again(shopping: World) -> None:
    shopping.engine.outcome[MIGRATE] = "failed"
    with pytest.raises(DeliveryError, match="did not complete"):
        bring_up(shopping, sources(shopping))
    shopping.engine.outcome[MIGRATE] = "complete"
    bring_up(shopping, sources(shopping))
    assert f"restart {MIGRATE}" in shopping.engine.calls


def test_what_ended_while_side_targets_came_up_is_forgiven(shopping: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidate failed as often as it may before its database, of which the file says nothing, was there."""
    found = sources(shopping, {}, {})

    def crash(name: str) -> None:
        if name == "books-ms_app-blue" and not crashes:
            crashes.append(name)
            tasks = shopping.engine.task_list[name]
            failed = [
                replace(task, id=f"{task.id}-{n}", running=False, ended=True, failed=True)
                for task in tasks
                for n in "abc"
            ]
            tasks[:0] = failed

    crashes: list[str] = []
    shopping.engine.on_change.append(crash)
    run(shopping, found, WISH)
    assert crashes
