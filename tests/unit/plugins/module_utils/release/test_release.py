# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One target as all parts see it, and writes that only a run with the lock can make."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
    LockLostError,
    OutOfDateError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import Run, utc_now
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import NOW, SERVICE, World, release_of

KEY = f"docker-flow/routes/{SERVICE}"


@pytest.fixture
def live(world: World) -> World:
    """Blue is live with two instances."""
    world.colour("blue", 2)
    world.route("blue")
    return world


# -- names and reading -------------------------------------------------------------------------------------------------


def test_names(world: World) -> None:
    release = world.release
    assert (release.service, release.engine_name("blue"), release.engine_name(None)) == (
        SERVICE,
        "books-ms_app-blue",
        "books-ms_app",
    )
    assert (release.keys.route, release.keys.record, release.keys.lock) == (
        KEY,
        f"docker-flow/releases/{SERVICE}",
        f"docker-flow/locks/{SERVICE}",
    )


def test_bad_names_are_refused(world: World) -> None:
    with pytest.raises(DeliveryError, match=r"^target 'My_App'"):
        replace(world.release, target="My_App")


def test_a_name_that_somebody_chose(world: World) -> None:
    release = replace(world.release, target="web_app", service_name="web")
    assert (release.service, release.engine_name("blue")) == ("web", "books-ms_web_app-blue")
    assert release.keys.route == "docker-flow/routes/web"


def test_what_is_recorded_has_the_chosen_name(world: World) -> None:
    release = world.start_run(replace(world.release, target="web_app", service_name="web", run=Run()))
    release.record.change(lambda record: record.deployed(release_of("blue")))
    document = json.loads(world.consul.keys["docker-flow/releases/web"].value)
    assert (document["service"], document["target"]) == ("web", "web_app")


RENAMED: list[Any] = [
    pytest.param({"service": "web"}, None, "runs as service 'web', not as 'books-ms-app': set service_name", id="back"),
    pytest.param({}, "web", "runs as service 'books-ms-app', not as 'web'", id="before there were names"),
    pytest.param({"service": "books-ms-app"}, "web", "runs as service 'books-ms-app', not as 'web'", id="another"),
    pytest.param({"service": "web"}, "web", None, id="the same"),
    pytest.param({"service": "books-ms-app"}, None, None, id="the default"),
    pytest.param({"service": "web", "replicas": 0}, None, None, id="nothing runs"),
]


@pytest.mark.parametrize(("state", "chosen", "said"), RENAMED)
def test_what_runs_keeps_its_name(world: World, state: dict[str, Any], chosen: str | None, said: str | None) -> None:
    world.colour("green", 1)
    world.engine.touch("books-ms_app-green", **state)
    release = replace(world.release, service_name=chosen)
    if said is None:
        assert release.truth().service == release.service
    else:
        with pytest.raises(DeliveryError, match=said):
            release.truth()


def test_the_time_is_utc() -> None:
    assert len(utc_now()) == len(NOW)
    assert utc_now().endswith("Z")


def test_nothing_is_there_yet(world: World) -> None:
    truth = world.release.truth()
    assert (truth.route, truth.route_index, truth.live, truth.services, truth.running) == (None, 0, None, {}, {})
    assert truth.served == set()
    assert world.release.record.read() == ReleaseRecord("books-ms", "app")


def test_the_truth(live: World) -> None:
    live.colour("green", 1)
    truth = live.release.truth()
    assert truth.live == "blue"
    assert truth.running == {"blue": 2, "green": 1}
    assert sorted(truth.services) == ["blue", "green"]
    assert sorted(truth.fleet) == ["proxy-1", "proxy-2"]
    assert truth.route_index == live.consul.keys[KEY].modify_index


@pytest.mark.parametrize(
    ("split", "said", "expected"),
    [
        pytest.param(Split("blue"), "blue", {"blue"}, id="all agree"),
        pytest.param(Split("blue", "green", 0), "blue", {"blue"}, id="a candidate without a share"),
        pytest.param(Split("blue", "green", 1), "blue", {"blue", "green"}, id="a share of one percent"),
        pytest.param(Split("blue", "green", 100), "blue", {"blue", "green"}, id="all requests, but not live yet"),
        pytest.param(Split("green", "blue", 0), "blue", {"blue", "green"}, id="a proxy lags behind"),
        pytest.param(None, "blue", {"blue"}, id="a proxy without a route"),
    ],
)
def test_what_is_served(live: World, split: Split | None, said: str, expected: set[str]) -> None:
    if split is None:
        del live.consul.keys[KEY]
    else:
        live.route(split.live, split=split)
    live.proxies["proxy-2"].services = {SERVICE: {"revision": 4, "error": None, "live": said, "colors": {}}}
    live.proxies.publish()
    assert live.release.truth().served == expected


@pytest.mark.parametrize(
    ("lost", "up", "runs", "expected"),
    [
        pytest.param(False, 0, False, {"blue"}, id="not lost: who knows who is about to start"),
        pytest.param(True, 1, False, {"blue"}, id="lost, but something answers"),
        pytest.param(True, 0, True, {"blue"}, id="lost, but something of it runs"),
        pytest.param(True, 0, False, set(), id="a leftover: nothing runs and nothing answers"),
    ],
)
def test_a_lost_route_that_leads_nowhere_serves_nobody(
    world: World, lost: bool, up: int, runs: bool, expected: set[str]
) -> None:
    if runs:
        world.colour("blue", 2)
    counts = {"blue": {"servers": 2, "up": up, "open": 0}}
    said = {"revision": 4, "error": None, "live": "blue", "colors": counts, "lost": lost}
    world.proxies["proxy-2"].services = {SERVICE: said}
    world.proxies.publish()
    assert world.release.truth().served == expected


def test_a_removed_route_is_none(live: World) -> None:
    live.consul.seed(KEY, Tombstone(SERVICE, 9, 2).to_json())
    truth = live.release.truth()
    assert (truth.route, truth.live, truth.tombstone) == (None, None, Tombstone(SERVICE, 9, 2))
    assert (truth.newest_revision, truth.epoch) == (9, 2)
    assert live.release.route.read() == (None, live.consul.keys[KEY].modify_index)


def test_routes_of_others(live: World) -> None:
    live.consul.seed("docker-flow/routes/shop-app", Route("shop-app", 1, ("/shop",), Split("blue")).to_json())
    live.consul.seed("docker-flow/routes/damaged", "{")
    live.consul.seed("docker-flow/routes/removed", Tombstone("removed", 3).to_json())
    live.consul.seed("docker-flow/routes/", "")
    assert [route.service for route in live.release.route.others()] == ["shop-app"]


def test_a_damaged_route_of_ours_stops_us(live: World) -> None:
    live.consul.seed(KEY, json.dumps({"schema": 1, "service": SERVICE}))
    with pytest.raises(DeliveryError, match="run the stage proxy again"):
        live.release.truth()


def test_a_service_name_that_another_project_has_is_refused(live: World) -> None:
    live.consul.seed(live.release.keys.record, json.dumps(ReleaseRecord("books", "ms-app").to_document()))
    with pytest.raises(
        DeliveryError, match="'books-ms-app', which target 'ms-app' of project 'books' already has: set"
    ):
        live.release.record.read()


def test_a_chosen_name_that_another_target_has_is_refused(live: World) -> None:
    live.record()
    mine = replace(live.release, project="shop", target="web", service_name=SERVICE)
    said = (
        f"'shop' and target 'web' have the service name '{SERVICE}', .* 'app' of project 'books-ms' .* set service_name"
    )
    with pytest.raises(DeliveryError, match=said):
        mine.record.read()


# -- writing -----------------------------------------------------------------------------------------------------------


def test_no_change_without_a_lock(live: World) -> None:
    release = live.release
    route, index = release.route.read()
    assert route is not None
    for change in (
        lambda: release.route.write(route, index),
        lambda: release.route.delete(index),
        lambda: release.record.change(lambda record: record.without_candidate()),
        release.fence_services,
        release.run.renew,
    ):
        with pytest.raises(DeliveryError, match="a change without the lock of the run"):
            change()
    assert live.consul.written == []
    assert live.engine.services["books-ms_app-blue"].run == ""


def test_a_route_is_written_against_its_index(live: World) -> None:
    release = live.start_run()
    route, index = release.route.read()
    assert route is not None
    newer = replace(route, revision=5)
    assert release.route.write(newer, index) == live.consul.keys[KEY].modify_index
    with pytest.raises(OutOfDateError, match=r"^the route of 'books-ms-app' was changed by somebody else meanwhile"):
        release.route.write(replace(route, revision=6), index)
    with pytest.raises(OutOfDateError):
        release.route.delete(index)
    assert live.route_now() == newer


def test_a_route_is_deleted_against_its_index(live: World) -> None:
    release = live.start_run()
    release.route.delete(release.route.read()[1])
    assert release.route.read() == (None, 0)


@pytest.mark.parametrize("delete", [False, True])
def test_a_lost_lock_is_told_from_a_moved_route(live: World, delete: bool) -> None:
    release = live.start_run()
    route, index = release.route.read()
    assert route is not None
    live.consul.expire(release.run.id)
    with pytest.raises(LockLostError):
        release.route.delete(index) if delete else release.route.write(replace(route, revision=5), index)
    assert live.route_now() == route


def test_the_record_is_changed_under_the_lock(live: World) -> None:
    release = live.start_run()
    changed = release.record.change(lambda record: record.deployed(release_of("green")))
    assert changed == live.recorded_now()
    assert changed.candidate == release_of("green")


def test_a_record_that_stays_as_it_is_is_not_written(live: World) -> None:
    release = live.start_run()
    live.consul.written.clear()
    release.record.change(lambda record: record.without_candidate())
    assert live.consul.written == []


def test_a_record_that_moved_is_not_overwritten(live: World) -> None:
    release = live.start_run()

    def moved(key: str) -> None:
        if key == release.keys.record:
            live.consul.before_write.clear()
            live.record(live=release_of("green"))

    live.consul.before_write.append(moved)
    with pytest.raises(OutOfDateError, match=r"^the record of 'books-ms-app' was changed"):
        release.record.change(lambda record: record.deployed(release_of("blue")))
    assert live.recorded_now().live == release_of("green")


# -- the fence around Docker -------------------------------------------------------------------------------------------


def test_both_colours_carry_the_run(live: World) -> None:
    live.colour("green", 1)
    running = live.running("blue"), live.running("green")
    release = live.start_run()
    fenced = release.fence_services()
    assert {color: service.run for color, service in fenced.items()} == dict.fromkeys(("blue", "green"), release.run.id)
    assert (live.running("blue"), live.running("green")) == running


def test_a_sleeper_meets_another_runs_index(live: World) -> None:
    sleeper = live.start_run()
    old = sleeper.fence_services()["blue"]
    live.consul.expire(sleeper.run.id)
    live.start_run(live.new_release()).fence_services()
    with pytest.raises(OutOfDateError):
        sleeper.engine.scale(old, 0)
    with pytest.raises(LockLostError):
        sleeper.fence_services()


def test_the_stages_of_one_run_do_not_fence_each_other(live: World) -> None:
    release = live.start_run()
    first = release.fence_services()["blue"]
    assert release.fence_services()["blue"].version == first.version


def test_two_services_are_two_locks(world: World) -> None:
    other = replace(world.release, target="admin", run=Run())
    world.start_run()
    world.start_run(other)
    assert other.run.id != world.release.run.id
