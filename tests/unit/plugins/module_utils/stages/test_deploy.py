# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage deploy: whatever fails, the live colour is not touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
    EngineError,
    LockLostError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import ImageState
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import deploy as stage_deploy
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.deploy import DeployPlan
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import (
    DeployWish,
    Sources,
    prepare,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import (
    AT_ONCE,
    project,
    run,
    shop_sources,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

BLUE, GREEN = "books-ms_app-blue", "books-ms_app-green"


@pytest.fixture
def sources(world: World) -> Sources:
    """The shop, whose images are here."""
    return shop_sources(world)


def test_the_first_release(world: World, sources: Sources) -> None:
    world.start_run()
    run(world, sources)
    service = world.release.color_service("blue")
    assert service is not None
    assert (service.spec, service.run) == (sources.spec, world.release.run.id)
    candidate = world.recorded_now().candidate
    assert candidate is not None
    assert (candidate.color, candidate.spec, candidate.image, candidate.by) == (
        "blue",
        sources.spec,
        "app:1",
        "ann@laptop",
    )


def test_a_second_run_changes_nothing(world: World, sources: Sources) -> None:
    world.start_run()
    run(world, sources)
    world.consul.written.clear()
    world.engine.calls.clear()
    assert run(world, sources).changed is False
    assert (world.consul.written, world.engine.calls) == ([], [])


def test_the_live_colour_is_not_touched_by_a_good_release(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.route("blue")
    world.start_run()
    before = world.running("blue")
    assert run(world, sources).color == "green"
    assert world.running("blue") == before
    assert len(world.running("green")) == 2
    assert world.route_now().split.live == "blue"


def bad(world: World, outcome: str) -> None:
    world.engine.outcome[GREEN] = outcome
    world.engine.logs = ["connecting", "no database"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        pytest.param(
            "starting", "0 of 2 instances healthy; it started, but its health check did not pass", id="unhealthy"
        ),
        pytest.param("rejected", "No such image: nosuchimage:latest", id="image not found"),
        pytest.param("failed", r"task: non-zero exit \(3\).* \(exit code 3\)", id="exits"),
        pytest.param("pending", "no suitable node", id="fits nowhere"),
    ],
)
def test_a_candidate_that_fails_is_removed_and_says_why(
    world: World, sources: Sources, outcome: str, said: str
) -> None:
    world.colour("blue", 2, "old")
    world.route("blue")
    world.record(live=release_of("blue", "old"), candidate=None)
    world.start_run()
    bad(world, outcome)
    before = world.running("blue")
    with pytest.raises(DeliveryError, match=f"service 'books-ms_app-green' did not become healthy: .*{said}") as raised:
        run(world, sources)
    assert "last log lines: connecting | no database" in str(raised.value)
    assert raised.value.result["removed"] is True
    assert raised.value.result["log"] == ["connecting", "no database"]
    assert world.release.color_service("green") is None
    assert world.running("blue") == before
    assert world.recorded_now().candidate is None


def test_a_candidate_that_consul_never_sees_is_removed(world: World, sources: Sources) -> None:
    world.start_run()
    world.registrator = False
    with pytest.raises(DeliveryError, match="Consul service 'books-ms-app-blue' misses 1 of 1 instances"):
        run(world, sources)
    assert world.release.color_service("blue") is None


def test_a_stack_deploy_that_fails_leaves_nothing(world: World, sources: Sources) -> None:
    world.engine.failing = EngineError("docker stack deploy of 'books-ms' failed: network in use")
    world.start_run()
    with pytest.raises(EngineError, match="network in use"):
        run(world, sources)
    assert world.release.color_service("blue") is None


def test_a_sleeper_does_not_remove_what_another_run_made_live(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.colour("blue", 2, "old")
    world.route("blue")
    sleeper = world.start_run()
    second = world.new_release()

    def slept(_release: Any, _plan: DeployPlan, _wish: DeployWish, **_options: Any) -> None:
        # While it slept, its lock expired, and another run took its candidate over and made it live.
        world.consul.expire(sleeper.run.id)
        world.start_run(second)
        second.fence_services()
        world.route("green")
        raise DeliveryError("service 'books-ms_app-green' did not become healthy: after 300 s")

    monkeypatch.setattr(stage_deploy, "prove", slept)
    with pytest.raises(DeliveryError, match="did not become healthy") as raised:
        run(world, sources)
    assert raised.value.result["removed"] is False
    assert len(world.running("green")) == 2


def test_a_run_that_lost_its_lock_does_not_even_touch_its_own_candidate(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = world.start_run()

    def slept(*_arguments: Any, **_options: Any) -> None:
        world.consul.expire(release.run.id)
        raise LockLostError("run 'session-1' no longer holds the lock")

    monkeypatch.setattr(stage_deploy, "prove", slept)
    with pytest.raises(LockLostError):
        run(world, sources)
    assert len(world.running("blue")) == 1


def test_a_second_run_is_refused_by_swarm_where_it_meets_the_first(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.start_run()

    def another(name: str) -> None:
        world.engine.before_update.clear()
        world.engine.touch(name, run="another")

    world.engine.before_update.append(another)
    with pytest.raises(DeliveryError, match="was changed by somebody else meanwhile, nothing was done"):
        run(world, sources)


def test_the_colour_is_cleared_in_order(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.start_run()
    stopped: list[int] = []
    world.engine.on_change.append(
        lambda name: stopped.append(len(world.proxies.routes)) if name == GREEN and not world.running("green") else None
    )
    run(world, sources)
    assert [route.instances for route in world.proxies.routes if route] == [{"blue": 2}]
    assert stopped[0] == 1  # the proxies had let go of the colour before its containers were stopped


def test_a_program_that_needed_longer_to_end_is_named(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.start_run()
    world.engine.touch(GREEN, stop_grace=300.0)
    truth = world.release.truth()
    plan = stage_deploy.plan_deploy(AT_ONCE, truth, world.recorded_now(), sources.spec, sources.image, None)
    (sentence,) = stage_deploy.deploy(world.release, sources, plan, AT_ONCE)["warnings"]
    assert sentence.startswith(f"stop_grace_period of service '{GREEN}' is 300 s")


def test_open_requests_keep_the_old_colour(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.proxies["proxy-2"].open["green"] = 3
    world.proxies.settle(SERVICE)
    world.start_run()
    with pytest.raises(DeliveryError, match=r"colour green .* still has open requests after 0 s \(proxy-2: 3\)"):
        run(world, sources)
    assert len(world.running("green")) == 2


def test_a_proxy_without_a_heartbeat_keeps_the_old_colour(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.proxies["proxy-2"].behaviour = DEAD
    world.proxies.publish()
    world.start_run()
    with pytest.raises(DeliveryError, match="proxy-2 without a heartbeat may still serve colour green"):
        run(world, sources)
    assert len(world.running("green")) == 2


def test_a_container_that_refuses_to_end_holds_the_next_deploy_until_it_ended(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.start_run()
    world.engine.stubborn.add(GREEN)
    refused = "containers of service 'books-ms_app-green' did not end within 0 s after the stop signal"
    for _try in ("the first", "run again while it still refuses"):
        with pytest.raises(DeliveryError, match=refused):
            run(world, sources)
        assert (world.route_now().split.live, len(world.running("blue"))) == ("blue", 2)
        assert world.engine.services[GREEN].spec == "older"
    world.engine.end(GREEN)
    assert run(world, sources).color == "green"
    assert (world.engine.services[GREEN].spec, len(world.running("green"))) == (sources.spec, 2)


@pytest.mark.parametrize(
    ("before", "outcome", "released"),
    [
        pytest.param(None, "running", True, id="it was not there and comes up"),
        pytest.param(None, "starting", False, id="it was not there and does not come up"),
        pytest.param("starting", "starting", False, id="an earlier deploy left it broken"),
        pytest.param("running", "starting", True, id="some of it runs: that holds no release back"),
    ],
)
def test_side_targets(world: World, sources: Sources, before: str | None, outcome: str, released: bool) -> None:
    if before is not None:
        world.engine.outcome["books-ms_db"] = before
        world.engine.put("books-ms_db", 1, image="db:1")
    world.engine.outcome["books-ms_db"] = outcome
    wish = replace(AT_ONCE, side_targets=("db",))
    prepared = prepare(world.release.engine, project(), "app", wish, colored=True)
    world.start_run()
    if released:
        run(world, prepared, wish)
    else:
        with pytest.raises(DeliveryError, match="service 'books-ms_db' did not become healthy"):
            run(world, prepared, wish)
    assert (world.release.color_service("blue") is not None) is released


def test_kept_side_targets_are_not_looked_up(world: World) -> None:
    world.engine.put("books-ms_db", 3, image="db:1@sha256:old")
    world.engine.images = {"app:1": ImageState("sha256:1")}
    wish = replace(AT_ONCE, side_targets=("db",))
    found = prepare(world.release.engine, project(), "app", wish, colored=True)
    assert sorted(found.images) == ["app:1"]
    with pytest.raises(DeliveryError, match="image 'db:1' was not found"):
        prepare(
            world.release.engine,
            project(),
            "app",
            replace(wish, pull_side_targets=True),
            colored=True,
        )


def test_the_engine_is_told_what_the_service_is_called(world: World, sources: Sources) -> None:
    named = prepare(world.release.engine, project(), "app", AT_ONCE, colored=True, service="web")
    assert named.deployment(AT_ONCE, "app", "blue", 1, "run").service == "web"
