# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaling: against the running count, up until the proxies use it, down after they drained it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import ServiceState
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import scaling
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.scaling import (
    STAGE,
    endpoints,
    expect,
    plan_scale,
    scale_down,
    scale_up,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service as service_of
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import task
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import NOW, SERVICE, World, release_of


def truth(
    live: str | None,
    running: dict[str, int],
    followed: dict[str, int] | None = None,
    wanted: dict[str, int] | None = None,
    **route: Any,
) -> Truth:
    """What holds: the live colour, what runs, what the route expects and what shall run (default: what runs)."""
    known = Route(SERVICE, 4, ("/",), Split(live), instances=followed or running, **route) if live else None
    services = {color: service_of(f"books-ms_app-{color}", count) for color, count in (wanted or running).items()}
    return Truth(known, 7, {}, services, running, SERVICE)


CANDIDATE = ReleaseRecord("books-ms", "app", candidate=release_of("green"))
NOTHING = ReleaseRecord("books-ms", "app")


@pytest.mark.parametrize(
    ("found", "record", "text", "which", "steps"),
    [
        pytest.param(truth("blue", {"blue": 2, "green": 2}), CANDIDATE, "+1", "live", {"blue": (2, 3)}, id="live"),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}), CANDIDATE, "5", "candidate", {"green": (2, 5)}, id="candidate"
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 4}),
            CANDIDATE,
            "50%",
            "both",
            {"blue": (2, 1), "green": (4, 2)},
            id="both",
        ),
        pytest.param(truth("blue", {"blue": 2}), NOTHING, "x2", "both", {"blue": (2, 4)}, id="both, but no candidate"),
        pytest.param(truth("blue", {"blue": 2}), NOTHING, "2", "live", {"blue": (2, 2)}, id="as it is"),
        pytest.param(
            truth("blue", {"blue": 2}, wanted={"blue": 4}),
            NOTHING,
            "+1",
            "live",
            {"blue": (4, 5)},
            id="two of four are away",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, wanted={"blue": 4}),
            NOTHING,
            "4",
            "live",
            {"blue": (2, 4)},
            id="so many are wanted already, but do not run",
        ),
        pytest.param(truth("blue", {"blue": 0}), NOTHING, "2", "live", {"blue": (0, 2)}, id="back from zero"),
    ],
)
def test_plan(found: Truth, record: ReleaseRecord, text: str, which: str, steps: dict[str, tuple[int, int]]) -> None:
    plan = plan_scale(found, record, Scale.parse(text), which, 1, None)
    assert plan.steps == steps
    assert plan.changed is any(before != after for before, after in steps.values())


@pytest.mark.parametrize(
    ("found", "which", "said"),
    [
        pytest.param(
            truth(None, {"blue": 2}), "live", "^which 'live': 'books-ms-app' has no live colour yet", id="not live"
        ),
        pytest.param(
            truth(None, {"blue": 2}), "both", "^which 'both': 'books-ms-app' has no live", id="both, not live"
        ),
        pytest.param(
            truth("blue", {"blue": 2}), "candidate", "^which 'candidate': 'books-ms-app' has no candidate", id="none"
        ),
        pytest.param(truth("blue", {}), "live", "colour blue of 'books-ms-app' does not run", id="nothing runs"),
    ],
)
def test_what_cannot_be_scaled(found: Truth, which: str, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        plan_scale(found, NOTHING, Scale.parse("+1"), which, 1, None)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(truth("blue", {"blue": 5}, {"blue": 2}), id="the proxies were not told"),
        pytest.param(truth("blue", {"blue": 5}, draining=("192.0.2.1:32768",)), id="an instance is still drained"),
    ],
)
def test_a_killed_scaling_is_finished_though_the_number_is_right(found: Truth) -> None:
    plan = plan_scale(found, NOTHING, Scale.parse("5"), "live", 1, None)
    assert plan.steps == {"blue": (5, 5)}
    assert plan.changed


@pytest.mark.parametrize(
    ("text", "which", "outcome", "expected"),
    [
        pytest.param("+2", "live", None, 4, id="the same command goes on"),
        pytest.param("+1", "live", None, 5, id="another command is another wish"),
        pytest.param("+2", "both", None, 6, id="another colour is another wish"),
        pytest.param("+2", "live", "done", 6, id="what was done is done again"),
        pytest.param("+2", "live", "failed", 6, id="what failed was put back"),
    ],
)
def test_a_step_is_not_added_twice_after_a_kill(text: str, which: str, outcome: str | None, expected: int) -> None:
    first = plan_scale(truth("blue", {"blue": 2}), NOTHING, Scale.parse("+2"), "live", 1, None)
    record = NOTHING.entered("run-1", "ann", STAGE, NOW, first.goal)
    if outcome:
        record = record.left(STAGE, outcome, NOW)
    found = truth("blue", {"blue": 4})  # it had been scaled when the run was killed
    assert plan_scale(found, record, Scale.parse(text), which, 1, None).steps["blue"] == (4, expected)


@pytest.fixture
def live(world: World) -> World:
    """Blue is live with three instances, a run holds the lock."""
    world.colour("blue", 3)
    world.route("blue")
    world.record(live=release_of("blue", instances=3))
    world.start_run()
    return world


def blue(world: World) -> ServiceState:
    return world.release.fence_services()["blue"]


def down(world: World, wanted: int) -> dict[str, Any]:
    return scale_down(world.release, blue(world), "blue", wanted, timeout=0.0, drain_timeout=0.0)


def up(world: World, wanted: int) -> dict[str, Any]:
    return scale_up(world.release, blue(world), "blue", wanted, timeout=0.0, drain_timeout=0.0, max_failures=3)


def settled(world: World) -> tuple[int, dict[str, int], tuple[str, ...], int | None]:
    """Running, expected, drained, recorded."""
    route, recorded_live = world.route_now(), world.recorded_now().live
    recorded_count = recorded_live.instances if recorded_live else None
    return len(world.running("blue")), dict(route.instances), route.draining, recorded_count


def test_up(live: World) -> None:
    before = live.running("blue")
    up(live, 5)
    assert settled(live) == (5, {"blue": 5}, (), 5)
    assert live.running("blue")[:3] == before


def test_up_that_fails_goes_back(live: World) -> None:
    live.engine.outcome["books-ms_app-blue"] = "starting"
    before = live.running("blue")
    with pytest.raises(DeliveryError, match="did not become healthy"):
        up(live, 5)
    assert live.running("blue") == before
    assert settled(live) == (3, {"blue": 3}, (), 3)
    service = live.release.color_service("blue")
    assert service is not None
    assert service.replicas == 3


def test_up_to_what_was_wanted_before_waits_and_takes_nothing_back(live: World) -> None:
    live.engine.outcome["books-ms_app-blue"] = "starting"
    service = live.engine.scale(blue(live), 4)
    with pytest.raises(DeliveryError, match="4 instances were wanted before this run already, so nothing was taken"):
        scale_up(live.release, service, "blue", 4, timeout=0.0, drain_timeout=0.0, max_failures=1)
    assert blue(live).replicas == 4


def test_up_to_what_was_wanted_before_hides_no_fault_of_ours(live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    service = live.engine.scale(blue(live), 4)

    def broken(*_arguments: Any, **_options: Any) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr(scaling, "wait_until_healthy", broken)
    with pytest.raises(KeyError):
        scale_up(live.release, service, "blue", 4, timeout=0.0, drain_timeout=0.0, max_failures=1)


def test_up_that_a_proxy_cannot_use_goes_back(live: World) -> None:
    live.proxies["proxy-2"].up["blue"] = 3
    with pytest.raises(DeliveryError, match="proxy-2 has 3 of 5 instances of blue up"):
        up(live, 5)
    assert settled(live) == (3, {"blue": 3}, (), 3)


def test_up_that_cannot_go_back_says_so(live: World) -> None:
    live.proxies["proxy-2"].behaviour = SILENT
    live.proxies.publish()
    with pytest.raises(DeliveryError, match=r"did not confirm .* could not be stopped again \(.*\): .* scale to 3"):
        up(live, 5)
    assert len(live.running("blue")) == 5


def test_up_of_a_run_that_slept_does_not_scale_back_what_others_did(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.engine.outcome["books-ms_app-blue"] = "starting"
    service = blue(live)
    live.engine.on_change.append(lambda _name: live.consul.expire(live.release.run.id))
    with pytest.raises(DeliveryError, match="no longer holds the lock"):
        scale_up(live.release, service, "blue", 5, timeout=0.0, drain_timeout=0.0, max_failures=3)
    service_now = live.release.color_service("blue")
    assert service_now is not None
    assert service_now.replicas == 5


def test_down_drains_first_those_that_go(live: World) -> None:
    tasks_before = live.running("blue")
    last = live.consul.services[f"{SERVICE}-blue"][2]
    result = down(live, 2)
    drained, after = [route for route in live.proxies.routes if route]
    assert drained.draining == (f"{last.address}:{last.port}",)
    assert drained.instances == {"blue": 3}
    assert (after.draining, dict(after.instances)) == ((), {"blue": 2})
    assert live.running("blue") == tasks_before[:2]
    assert result == {"cut": {}, "wrong_guesses": 0}
    assert settled(live) == (2, {"blue": 2}, (), 2)


def test_down_counts_what_it_had_to_cut(live: World) -> None:
    live.proxies["proxy-2"].draining["blue"] = 4
    assert down(live, 2)["cut"] == {"proxy-2": 4}


@pytest.mark.parametrize("kind", ["failed", "rejected"])
def test_down_is_not_stopped_by_what_failed_long_ago(live: World, kind: str) -> None:
    live.engine.task_list["books-ms_app-blue"] += [task(kind, f"old{number}") for number in range(4)]
    down(live, 2)
    assert settled(live) == (2, {"blue": 2}, (), 2)


def test_down_goes_on_without_an_instance_on_a_lost_node(live: World) -> None:
    tasks = live.engine.task_list["books-ms_app-blue"]
    tasks[2] = replace(tasks[2], node_id="w1")
    live.engine.lose("w1")
    down(live, 2)
    assert [task.id for task in live.engine.task_list["books-ms_app-blue"] if task.lost] == [tasks[2].id]
    assert settled(live) == (2, {"blue": 2}, (), 2)


def test_down_that_cannot_drain_leaves_nobody_drained(live: World) -> None:
    proxy = live.proxies["proxy-2"]
    proxy.behaviour = SILENT
    live.proxies.publish()
    with pytest.raises(DeliveryError, match="did not confirm"):
        down(live, 2)
    assert settled(live) == (3, {"blue": 3}, (), 3)


def test_a_wrong_guess_is_reported_and_serves_again(live: World) -> None:
    # The engine keeps the last one this time.
    live.engine.task_list["books-ms_app-blue"].reverse()
    assert down(live, 2)["wrong_guesses"] == 1
    assert settled(live) == (2, {"blue": 2}, (), 2)


def test_a_colour_that_no_proxy_follows_is_not_drained(live: World) -> None:
    live.colour("green", 3)
    live.proxies.routes.clear()
    green = live.release.fence_services()["green"]
    result = scale_down(live.release, green, "green", 1, timeout=0.0, drain_timeout=0.0)
    assert result == {"cut": {}, "wrong_guesses": 0}
    assert live.proxies.routes == []
    assert len(live.running("green")) == 1


def test_expecting_what_is_expected_writes_nothing(live: World) -> None:
    expect(live.release, "blue", 3, 0.0)
    assert live.proxies.routes == []


def test_expecting_takes_drained_instances_back(live: World) -> None:
    live.route("blue", 5, draining=("192.0.2.1:32768",))
    expect(live.release, "blue", 3, 0.0)
    assert settled(live) == (3, {"blue": 3}, (), 3)


def test_endpoints_are_what_the_proxies_know(live: World) -> None:
    registered = live.consul.services[f"{SERVICE}-blue"]
    found = endpoints(live.release.engine.running(blue(live))[:1], registered)
    assert found == (f"172.17.0.1:{registered[-1].port}",)
