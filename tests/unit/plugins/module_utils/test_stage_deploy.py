# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage deploy: what is planned, and that whatever fails, the live colour is not touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils import stage_deploy
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose_stack import StackDocument
from ansible_collections.dockerflow.delivery.plugins.module_utils.errors import (
    DeliveryError,
    EngineError,
    LockLostError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.images import PinnedImage
from ansible_collections.dockerflow.delivery.plugins.module_utils.release import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.release_record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.stage_deploy import (
    DeployPlan,
    DeployWish,
    Sources,
    deploy,
    plan_deploy,
    prepare,
    running_side_targets,
    shown,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm_state import (
    RUN_LABEL,
    SPEC_LABEL,
    service_state,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD
from ansible_collections.dockerflow.delivery.tests.unit.fakes.swarm import recorded
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

IMAGE = PinnedImage("app:1", "sha256:1")
BLUE, GREEN = "books-ms_app-blue", "books-ms_app-green"
AT_ONCE = DeployWish(timeout=0.0, drain_timeout=0.0, stop_timeout=0.0)


def truth(
    live: str | None = None, running: dict[str, int] | None = None, specs: dict[str, str] | None = None, **split: Any
) -> Truth:
    """What holds: the live colour by the route, what runs, and which spec each colour has."""
    running = running or {}
    services = {}
    for color, spec in (specs or {}).items():
        item = recorded("services")["running"]
        item["Spec"]["Labels"] = {SPEC_LABEL: spec}
        item["Spec"]["Mode"]["Replicated"]["Replicas"] = running.get(color, 0)
        services[color] = service_state(item)
    route = Route(SERVICE, 4, ("/",), Split(live, **split), instances=running) if live else None
    return Truth(route, 7 if route else 0, {}, services, running, SERVICE)


def planned(found: Truth, spec: str = "new", record: ReleaseRecord | None = None, **wish: Any) -> DeployPlan:
    return plan_deploy(DeployWish(**wish), found, record or ReleaseRecord(SERVICE), spec, IMAGE, 3)


@pytest.mark.parametrize(
    ("found", "wish", "expected"),
    [
        pytest.param(truth(), {}, ("blue", 3), id="first release: blue, as many as the file says"),
        pytest.param(truth(), {"scale": Scale.parse("2")}, ("blue", 2), id="first release, absolute"),
        pytest.param(
            truth(), {"scale": Scale.parse("+1")}, ("blue", 4), id="first release, step from the file's number"
        ),
        pytest.param(truth("blue", {"blue": 2}), {}, ("green", 2), id="as many as live runs"),
        pytest.param(truth("green", {"green": 5}), {}, ("blue", 5), id="green is live"),
        pytest.param(truth("blue", {"blue": 2}), {"scale": Scale.parse("x1.5")}, ("green", 3), id="relative to live"),
        pytest.param(truth("blue", {"blue": 2, "green": 7}), {}, ("green", 2), id="a candidate's number is not taken"),
        pytest.param(truth("blue", {}), {}, ("green", 3), id="nothing of live runs: the file's number"),
        pytest.param(truth(None, {"green": 1}, {"green": "old"}), {}, ("green", 3), id="never live: replaced"),
    ],
)
def test_where_and_how_many(found: Truth, wish: dict[str, Any], expected: tuple[str, int]) -> None:
    plan = planned(found, **wish)
    assert (plan.color, plan.instances, plan.changed, plan.reuse) == (*expected, True, False)


@pytest.mark.parametrize(
    ("found", "record", "wish", "expected"),
    [
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {},
            ("blue", 2, False, True),
            id="live has it: nothing to do",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {"force": True},
            ("green", 2, True, False),
            id="live has it, but forced",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {"scale": Scale.parse("2")},
            ("blue", 2, False, True),
            id="live has it in the wanted number",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {"scale": Scale.parse("5")},
            ("green", 5, True, False),
            id="live has it in another number",
        ),
        pytest.param(
            truth("blue", {}, {"blue": "new"}), {}, {}, ("green", 3, True, False), id="live has it, but nothing runs"
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, {"green": "new"}),
            {"candidate": release_of("green")},
            {},
            ("green", 2, False, True),
            id="the candidate is it",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, {"green": "new"}),
            {},
            {},
            ("green", 2, True, True),
            id="a killed run left it: only to be recorded",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, {"green": "new"}),
            {"candidate": release_of("green")},
            {"force": True},
            ("green", 2, True, False),
            id="the candidate is it, but forced",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 1}, {"green": "new"}),
            {"candidate": release_of("green")},
            {},
            ("green", 2, True, False),
            id="the candidate is it in another number",
        ),
    ],
)
def test_a_release_that_is_there_already(
    found: Truth, record: dict[str, Any], wish: dict[str, Any], expected: tuple[str, int, bool, bool]
) -> None:
    plan = planned(found, record=ReleaseRecord(SERVICE, **record), **wish)
    assert (plan.color, plan.instances, plan.changed, plan.reuse) == expected
    assert bool(plan.reason) is plan.reuse


def test_a_colour_that_gets_a_share_of_the_users_is_not_redeployed() -> None:
    found = truth("blue", {"blue": 2, "green": 2}, candidate="green", percent=10)
    with pytest.raises(DeliveryError, match="serve both colours"):
        planned(found)


def test_a_colour_that_a_lagging_proxy_serves_is_not_redeployed(world: World) -> None:
    world.colour("blue", 2)
    world.route("blue")
    world.proxies["proxy-2"].services[SERVICE]["live"] = "green"
    world.proxies.publish()
    with pytest.raises(DeliveryError, match="serve both colours"):
        planned(world.release.truth())


def test_a_proxy_that_serves_a_colour_without_a_route_holds_it(world: World) -> None:
    # Consul lost the route: what the proxies serve from their last good files must live on.
    world.colour("green", 2)
    world.route("green")
    world.consul.delete(f"docker-flow/routes/{SERVICE}")
    world.proxies["proxy-1"].services[SERVICE] = {"revision": 4, "error": None, "live": "green", "colors": {}}
    world.proxies.publish()
    with pytest.raises(DeliveryError, match="color 'green' of 'books-ms-app' is served by a proxy"):
        planned(world.release.truth())


def test_out_of_bounds_scale_is_refused_by_the_plan() -> None:
    with pytest.raises(DeliveryError, match="above the maximum of 4"):
        planned(truth("blue", {"blue": 3}), scale=Scale.parse("+2"), max_scale=4)


def test_a_diff_shows_what_counts() -> None:
    assert shown(None) == {}
    assert shown(service_state(recorded("services")["running"])) == {
        "service": "books-ms_app-blue",
        "image": "dockerflow/books-ms:1",
        "instances": 1,
        "spec": "ec01d572045694403e70368a23537b759e84209a3b835896aa07933996a6647a",
    }


# -- carrying it out ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sources(world: World, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Version 1 of the shop, deployed by a C(docker stack deploy) that works."""

    def apply(document: StackDocument, **_options: Any) -> list[str]:
        for name, service in document.content["services"].items():
            world.swarm.deploy(
                f"{document.project}_{name}",
                service["deploy"].get("replicas", 1),
                service["deploy"]["labels"],
                service["image"],
            )
        return []

    monkeypatch.setattr(stage_deploy, "stack_deploy", apply)
    world.swarm.images = {"app:1": {"Id": "sha256:1"}, "db:1": {"Id": "sha256:2"}}
    return prepare(world.release.engine, replace(shop(), name="books-ms"), "app", AT_ONCE, colored=True)


def run(world: World, sources: Sources, wish: DeployWish = AT_ONCE) -> DeployPlan:
    """Plan and deploy as the module does."""
    release = world.release
    plan = plan_deploy(wish, release.truth(), release.record()[0], sources.spec, sources.image, sources.from_file)
    if plan.changed:
        deploy(release, sources, plan, wish)
    return plan


def test_the_first_release(world: World, sources: Sources) -> None:
    world.start_run()
    run(world, sources)
    service = world.release.color_service("blue")
    assert service is not None
    assert (service.labels[SPEC_LABEL], service.labels[RUN_LABEL]) == (sources.spec, world.release.held_lock().run)
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
    world.swarm.calls.clear()
    assert run(world, sources).changed is False
    assert (world.consul.written, world.swarm.calls) == ([], [])


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
    world.swarm.outcome[GREEN] = outcome
    world.swarm.logs = ["connecting", "no database"]


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


def test_a_stack_deploy_that_fails_leaves_nothing(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(document: StackDocument, **_options: Any) -> list[str]:
        world.swarm.deploy(BLUE, 1, document.content["services"]["app-blue"]["deploy"]["labels"])
        raise EngineError("docker stack deploy of 'books-ms' failed: network in use")

    monkeypatch.setattr(stage_deploy, "stack_deploy", fails)
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

    def slept(_release: Any, _plan: DeployPlan, _wish: DeployWish) -> None:
        # While it slept, its lock expired, and another run took its candidate over and made it live.
        world.consul.expire(sleeper.held_lock().run)
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

    def slept(*_arguments: Any) -> None:
        world.consul.expire(release.held_lock().run)
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
        world.swarm.before_update.clear()
        item = world.swarm.items[name]
        item["Spec"]["Labels"]["dockerflow.run"] = "another"
        item["Version"] = {"Index": item["Version"]["Index"] + 1}

    world.swarm.before_update.append(another)
    with pytest.raises(DeliveryError, match="was changed by somebody else meanwhile, nothing was done"):
        run(world, sources)


def test_the_colour_is_cleared_in_order(world: World, sources: Sources) -> None:
    world.colour("blue", 2, "old")
    world.colour("green", 2, "older")
    world.route("blue")
    world.start_run()
    stopped: list[int] = []
    world.swarm.on_change.append(
        lambda name: stopped.append(len(world.proxies.routes)) if name == GREEN and not world.running("green") else None
    )
    run(world, sources)
    assert [route.instances for route in world.proxies.routes if route] == [{"blue": 2}]
    assert stopped[0] == 1  # the proxies had let go of the colour before its containers were stopped


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
    release.change_record(lambda record: record.without_candidate())
    service = world.release.color_service("blue")
    assert service is not None
    world.swarm.task_items[BLUE] += [
        {**recorded("tasks")["failed"], "ServiceID": service.id, "ID": f"old{number}"} for number in range(5)
    ]
    assert run(world, sources).reuse
    assert world.recorded_now().candidate is not None


def left_by_a_killed_run(world: World, sources: Sources) -> None:
    """Green has the wanted release, but its instances do not become healthy any more."""
    world.colour("blue", 2, "old")
    world.swarm.outcome[GREEN] = "starting"
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

    def killed(*_arguments: Any) -> None:
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


def test_side_targets_keep_what_they_run_with(world: World) -> None:
    world.swarm.deploy("books-ms_db", 3, image="db:1@sha256:old")
    kept = running_side_targets(world.release.engine, "books-ms", ["db", "cache"])
    assert {name: (one.replicas, one.image) for name, one in kept.items()} == {"db": (3, "db:1@sha256:old")}


def test_kept_side_targets_are_not_looked_up(world: World) -> None:
    world.swarm.deploy("books-ms_db", 3, image="db:1@sha256:old")
    world.swarm.images = {"app:1": {"Id": "sha256:1"}}
    wish = replace(AT_ONCE, side_targets=("db",))
    found = prepare(world.release.engine, replace(shop(), name="books-ms"), "app", wish, colored=True)
    assert sorted(found.images) == ["app:1"]
    with pytest.raises(DeliveryError, match="image 'db:1' was not found"):
        prepare(
            world.release.engine,
            replace(shop(), name="books-ms"),
            "app",
            replace(wish, pull_side_targets=True),
            colored=True,
        )
