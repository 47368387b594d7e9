# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage stop-old: only what no proxy serves is ever stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, OutOfDateError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import Acknowledgement, Proxy
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.stop import (
    plan_stop,
    stop,
    stop_service,
    time_to_end,
    warm_until,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of


def truth(
    live: str | None,
    running: Mapping[str, int],
    *,
    says: str | None = None,
    followed: tuple[str, ...] = ("blue", "green"),
    **split: Any,
) -> Truth:
    """What holds: the route's live colour, what runs, and what the one proxy says it serves."""
    services = {color: service(f"books-ms_app-{color}", count) for color, count in running.items()}
    instances = {color: running.get(color, 0) for color in followed}
    route = Route(SERVICE, 4, ("/",), Split(live, **split), instances=instances) if live else None
    answer = {SERVICE: Acknowledgement(4, None, says, {})} if says else {}
    fleet = {"proxy-1": Proxy("proxy-1", "http://192.0.2.1", True, 1, (), answer)}
    return Truth(route, 7, fleet, services, dict(running), SERVICE)


@pytest.mark.parametrize(
    ("found", "record", "color", "abort", "expected"),
    [
        pytest.param(truth("green", {"blue": 2, "green": 2}), {}, None, False, "blue", id="the one that is not live"),
        pytest.param(truth("blue", {"blue": 2, "green": 2}), {}, "green", False, "green", id="asked for"),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}),
            {"candidate": release_of("green")},
            None,
            True,
            "green",
            id="the candidate, aborted",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, followed=("blue",)),
            {"candidate": release_of("green")},
            None,
            True,
            "green",
            id="a candidate that no proxy follows",
        ),
        pytest.param(truth("green", {"green": 2, "blue": 0}), {}, None, False, "blue", id="stopped, still followed"),
        pytest.param(truth("green", {"green": 2}), {}, None, False, "blue", id="removed, still followed"),
        pytest.param(
            truth(None, {"blue": 1}),
            {"candidate": release_of("blue")},
            None,
            True,
            "blue",
            id="aborted before any route",
        ),
    ],
)
def test_what_is_stopped(found: Truth, record: dict[str, Any], color: str | None, abort: bool, expected: str) -> None:
    plan = plan_stop(found, ReleaseRecord("books-ms", "app", **record), color, abort)
    assert (plan.color, plan.changed, plan.reason) == (expected, True, "")
    assert plan.instances == found.running.get(expected, 0)


@pytest.mark.parametrize(
    ("found", "record", "abort", "reason"),
    [
        pytest.param(truth(None, {"blue": 1}), {}, False, "no route yet", id="no route"),
        pytest.param(truth("blue", {"blue": 2}), {}, True, "there is no candidate to abort", id="no candidate"),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}),
            {"candidate": release_of("green")},
            False,
            "colour green is the candidate, not an old release; abort=true stops it",
            id="a candidate is not old",
        ),
        pytest.param(
            truth("green", {"green": 2, "blue": 0}, followed=("green",)),
            {},
            False,
            "colour blue does not run",
            id="stopped already",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, says="green"),
            {},
            False,
            "the proxies serve both colours",
            id="a lagging proxy",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, candidate="green", percent=5),
            {},
            False,
            "the proxies serve both colours",
            id="a share of the users",
        ),
    ],
)
def test_when_nothing_is_stopped(found: Truth, record: dict[str, Any], abort: bool, reason: str) -> None:
    plan = plan_stop(found, ReleaseRecord("books-ms", "app", **record), None, abort)
    assert (plan.color, plan.changed) == (None, False)
    assert plan.reason.startswith(reason)


@pytest.mark.parametrize(
    ("found", "record", "color", "abort"),
    [
        pytest.param(truth("blue", {"blue": 2}), {}, "blue", False, id="live by the route"),
        pytest.param(
            truth("green", {"blue": 2, "green": 2}, says="blue"), {}, "blue", False, id="live at a proxy only"
        ),
        pytest.param(truth(None, {"blue": 2}, says="blue"), {}, "blue", False, id="served without a route"),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, candidate="green", percent=1), {}, "green", False, id="one percent"
        ),
        pytest.param(
            truth("green", {"green": 2}),
            {"candidate": release_of("green")},
            None,
            True,
            id="the record calls it a candidate, but it is live",
        ),
    ],
)
def test_what_is_served_is_never_stopped(found: Truth, record: dict[str, Any], color: str | None, abort: bool) -> None:
    with pytest.raises(DeliveryError, match="is served by the proxies and must not be stopped: flip to the other"):
        plan_stop(found, ReleaseRecord("books-ms", "app", **record), color, abort)


@pytest.mark.parametrize(
    ("live_since", "keep_warm", "now", "expected"),
    [
        pytest.param("2026-11-21T12:00:00Z", 600, "2026-11-21T12:05:00Z", "2026-11-21T12:10:00Z", id="still warm"),
        pytest.param("2026-11-21T12:00:00Z", 600, "2026-11-21T12:09:59Z", "2026-11-21T12:10:00Z", id="one second left"),
        pytest.param("2026-11-21T12:00:00Z", 600, "2026-11-21T12:10:00Z", None, id="over"),
        pytest.param("2026-11-21T12:00:00Z", 0, "2026-11-21T12:00:00Z", None, id="not wanted"),
        pytest.param(None, 600, "2026-11-21T12:00:00Z", None, id="never live"),
        pytest.param("2026-11-21T23:55:00Z", 600, "2026-11-22T00:00:00Z", "2026-11-22T00:05:00Z", id="over midnight"),
    ],
)
def test_warm_until(live_since: str | None, keep_warm: int, now: str, expected: str | None) -> None:
    assert warm_until(ReleaseRecord("books-ms", "app", live_since=live_since), keep_warm, now) == expected


# -- carrying it out ---------------------------------------------------------------------------------------------------


@pytest.fixture
def flipped(world: World) -> World:
    """Green is live, blue is the old release, a run holds the lock."""
    world.colour("blue", 2, "old")
    world.colour("green", 3, "new")
    world.route("green")
    world.record(live=release_of("green", "new", 3), previous=release_of("blue", "old", 2))
    world.start_run()
    return world


def test_the_old_colour_is_withdrawn_then_stopped_and_kept_for_a_rollback(flipped: World) -> None:
    seen: list[tuple[int, dict[str, int]]] = []
    flipped.engine.on_change.append(
        lambda _name: seen.append((len(flipped.running("blue")), dict(flipped.route_now().instances)))
    )
    assert stop(flipped.release, "blue", 0.0, 0.0) == {"cut": {}, "warnings": []}
    assert seen[-1] == (0, {"green": 3})
    assert (2, {"green": 3}) not in seen[:-1]
    service = flipped.release.color_service("blue")
    assert service is not None
    assert service.replicas == 0
    assert len(flipped.running("green")) == 3
    record = flipped.recorded_now()
    assert record.previous is not None
    assert record.live is not None
    assert (record.previous.instances, record.live.instances) == (0, 3)


def test_a_killed_stop_is_finished_by_the_next(flipped: World) -> None:
    route = flipped.route_now()
    # Killed right after the proxies were told.
    flipped.route("green", route.revision + 1, instances={"green": 3})
    stop(flipped.release, "blue", 0.0, 0.0)
    assert flipped.running("blue") == []


def test_what_is_open_at_the_deadline_is_cut_and_counted(flipped: World) -> None:
    flipped.proxies["proxy-2"].open["blue"] = 4
    flipped.proxies.settle(SERVICE)
    assert stop(flipped.release, "blue", 0.0, 0.0) == {"cut": {"proxy-2": 4}, "warnings": []}
    assert flipped.running("blue") == []


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        pytest.param(DEAD, "proxy-2 without a heartbeat may still serve colour blue, so it was not", id="no heartbeat"),
        pytest.param(SILENT, "did not confirm revision 5 .* within 0 s: proxy-2 is at revision 4", id="takes no route"),
    ],
)
def test_a_proxy_that_may_still_serve_it_keeps_the_old_colour(flipped: World, behaviour: str, said: str) -> None:
    flipped.proxies["proxy-2"].behaviour = behaviour
    flipped.proxies.publish()
    with pytest.raises(DeliveryError, match=said):
        stop(flipped.release, "blue", 0.0, 0.0, confirm_timeout=0.0)
    assert len(flipped.running("blue")) == 2


@pytest.mark.parametrize(
    "gone", [pytest.param("refuses", id="its port refuses"), pytest.param("excluded", id="excluded")]
)
def test_a_proxy_that_cannot_serve_does_not_keep_it(flipped: World, gone: str) -> None:
    flipped.proxies["proxy-2"].behaviour = DEAD
    flipped.proxies.publish()
    release = flipped.release
    if gone == "refuses":
        flipped.refusing.add("http://192.0.2.2:80")
    else:
        lock, release = release.run.taken, flipped.new_release(frozenset({"proxy-2"}))
        release.run.taken = lock
    stop(release, "blue", 0.0, 0.0, confirm_timeout=0.0)
    assert flipped.running("blue") == []


def test_a_colour_that_became_live_meanwhile_is_not_stopped(flipped: World) -> None:
    flipped.route("blue", 9)
    with pytest.raises(DeliveryError, match="color 'blue' of 'books-ms-app' became live meanwhile"):
        stop(flipped.release, "blue", 0.0, 0.0)
    assert len(flipped.running("blue")) == 2


def test_a_run_that_slept_is_refused_by_consul(flipped: World) -> None:
    flipped.consul.before_write.append(lambda _key: flipped.consul.expire(flipped.release.run.id))
    with pytest.raises(DeliveryError, match="no longer holds the lock"):
        stop(flipped.release, "blue", 0.0, 0.0)
    assert len(flipped.running("blue")) == 2


def test_a_run_that_slept_is_refused_by_swarm(flipped: World) -> None:
    service = flipped.release.fence_services()["blue"]
    flipped.colour("blue", 2, "old")  # somebody else's change moved the index
    with pytest.raises(OutOfDateError):
        stop_service(flipped.release, service, 0.0)
    assert len(flipped.running("blue")) == 2


def test_containers_that_do_not_end_are_reported(flipped: World) -> None:
    flipped.engine.stubborn.add("books-ms_app-blue")
    with pytest.raises(DeliveryError, match=r"containers of service 'books-ms_app-blue' did not end within 0 s"):
        stop(flipped.release, "blue", 0.0, 0.0)


def test_containers_on_a_node_that_is_down_are_not_waited_for(flipped: World) -> None:
    tasks = flipped.engine.task_list["books-ms_app-blue"]
    tasks[1] = replace(tasks[1], node_id="w1", node_address="192.0.2.21")
    flipped.engine.lose("w1")
    done = stop(flipped.release, "blue", 0.0, 0.0)
    assert done["warnings"] == ["node 192.0.2.21 is down, 1 container of books-ms_app-blue may still run there"]
    assert flipped.route_now().instances == {"green": 3}
    assert flipped.running("blue") == []


def test_an_aborted_candidate_leaves_the_record(world: World) -> None:
    world.colour("blue", 2, "old")
    world.route("blue")
    world.colour("green", 2, "new")
    world.record(live=release_of("blue"), candidate=release_of("green"))
    world.start_run()
    stop(world.release, "green", 0.0, 0.0)
    assert world.recorded_now().candidate is None
    assert len(world.running("blue")) == 2


@pytest.mark.parametrize(
    ("grace", "timeout", "expected"),
    [
        pytest.param(10.0, 120.0, 120.0, id="as asked for"),
        pytest.param(300.0, 120.0, 310.0, id="the program may take longer"),
        pytest.param(120.0, 120.0, 130.0, id="as long: killing takes a moment"),
        pytest.param(0.0, 0.0, 0.0, id="at once"),
    ],
)
def test_how_long_containers_are_waited_for(grace: float, timeout: float, expected: float) -> None:
    assert time_to_end(replace(service(), stop_grace=grace), timeout) == expected


def test_a_program_that_may_take_longer_than_stop_timeout_is_waited_for_and_named(world: World) -> None:
    world.colour("blue", 2)
    world.start_run()
    world.engine.touch("books-ms_app-blue", stop_grace=300.0)
    (sentence,) = stop_service(world.release, world.engine.services["books-ms_app-blue"], 120.0)
    assert sentence == (
        "stop_grace_period of service 'books-ms_app-blue' is 300 s, not less than stop_timeout (120 s): its containers "
        "had 310 s to end, raise stop_timeout"
    )
