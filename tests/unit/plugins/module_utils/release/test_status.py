# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sees, and one sentence for each disagreement."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.known_targets import recorded_targets
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord, Run
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.status import (
    drift,
    proxies,
    shown_targets,
    status,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

REMOVE = "playbooks/remove.yml -e project=books-ms -e target=app"
LOST = f"keeps a route that Consul has lost (rebuild it with playbooks/adopt.yml, or take it away with {REMOVE})"


@pytest.fixture
def live(world: World) -> World:
    """Blue is live with two instances, and everything agrees."""
    world.colour("blue", 2)
    world.route("blue")
    world.record(live=release_of("blue"))
    return world


def said(world: World) -> list[str]:
    return drift(world.release.truth(), world.recorded_now())


def test_nothing_to_say(live: World) -> None:
    assert said(live) == []


def dead(world: World) -> None:
    world.proxies["proxy-2"].behaviour = DEAD
    world.proxies.publish()


def unknown(world: World) -> None:
    world.proxies["proxy-2"].services = {}
    world.proxies.publish()


def lagging(world: World) -> None:
    world.proxies["proxy-2"].services[SERVICE] |= {"revision": 3, "live": "green", "error": "disk full"}
    world.proxies.publish()


def instance_down(world: World) -> None:
    world.proxies["proxy-2"].up["blue"] = 1
    world.proxies.settle(SERVICE)


def unrecorded(world: World) -> None:
    world.record(live=release_of("green"))


def candidate_gone(world: World) -> None:
    world.record(live=release_of("blue"), candidate=release_of("green"))


def one_died(world: World) -> None:
    world.engine.stop_task("books-ms_app-blue")


def route_lost(world: World) -> None:
    world.consul.delete(f"docker-flow/routes/{SERVICE}")


def not_given_up(world: World) -> None:
    world.proxies["proxy-2"].behaviour = SILENT
    world.consul.put(f"docker-flow/routes/{SERVICE}", Tombstone(SERVICE, 5).to_json())


def stack_removed(world: World) -> None:
    for service in list(world.engine.services.values()):
        world.engine.remove(service)
    for proxy in world.proxies.members.values():
        proxy.up["blue"] = 0
    world.proxies.settle(SERVICE)


def only_the_record_is_left(world: World) -> None:
    stack_removed(world)
    world.consul.put(f"docker-flow/routes/{SERVICE}", Tombstone(SERVICE, 5).to_json())


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        pytest.param(dead, ["proxy proxy-2 has no heartbeat"], id="no heartbeat"),
        pytest.param(unknown, ["proxy proxy-2 does not know the service"], id="a proxy without the service"),
        pytest.param(
            lagging,
            [
                "proxy proxy-2 refuses the route: disk full",
                "proxy proxy-2 is at revision 3, the route at 4",
                "proxy proxy-2 sends users to green, the route to blue",
            ],
            id="a proxy that lags behind",
        ),
        pytest.param(
            instance_down, ["proxy proxy-2 has 1 instances of blue up, 2 run"], id="an instance is down there"
        ),
        pytest.param(unrecorded, ["the route sends users to blue, the record says green is live"], id="not recorded"),
        pytest.param(candidate_gone, ["the recorded candidate green does not run"], id="a candidate that is gone"),
        pytest.param(
            one_died,
            [
                "blue: 1 instances run, the route expects 2",
                "proxy proxy-1 has 2 instances of blue up, 1 run",
                "proxy proxy-2 has 2 instances of blue up, 1 run",
            ],
            id="an instance died",
        ),
        pytest.param(
            route_lost,
            [
                f"proxy proxy-1 {LOST}",
                f"proxy proxy-2 {LOST}",
            ],
            id="the route is lost",
        ),
        pytest.param(
            not_given_up,
            [f"proxy proxy-2 has not given up the route that was removed (run {REMOVE} again)"],
            id="a proxy did not take a removal",
        ),
        pytest.param(
            stack_removed,
            [
                f"nothing runs for its route and release record: deploy it, or take it away with {REMOVE}",
                "blue: 0 instances run, the route expects 2",
            ],
            id="the stack was removed",
        ),
        pytest.param(
            only_the_record_is_left,
            [f"nothing runs for its release record: deploy it, or take it away with {REMOVE}"],
            id="only the record is left",
        ),
    ],
)
def test_each_disagreement_is_one_sentence(live: World, happens: Callable[[World], None], expected: list[str]) -> None:
    happens(live)
    assert said(live) == expected


def test_why_an_instance_is_down_is_part_of_the_sentence(live: World) -> None:
    live.proxies["proxy-2"].failing = [{"place": "10.0.0.1:1", "kind": "status", "got": "status 503"}]
    live.proxies["proxy-2"].up["blue"] = 1
    live.proxies.settle(SERVICE)
    assert said(live) == ["proxy proxy-2 has 1 instances of blue up, 2 run (10.0.0.1:1: status 503)"]


def test_the_whole_picture(live: World) -> None:
    live.start_run()
    found = status(live.release)
    assert (found["service"], found["live"], found["candidate"], found["drift"]) == (SERVICE, "blue", None, [])
    assert found["colors"] == {
        "blue": {
            "swarm_service": "books-ms_app-blue",
            "image": "app:1",
            "image_id": "",
            "replicas": 2,
            "running": 2,
            "addresses": sorted(f"172.17.0.1:{one.port}" for one in live.consul.services[f"{SERVICE}-blue"]),
        }
    }
    assert found["proxies"]["proxy-1"] == {
        "address": "http://192.0.2.1:80",
        "alive": True,
        "live": "blue",
        "revision": 4,
        "error": None,
        "colors": {"blue": {"servers": 2, "up": 2, "open": 0}},
    }
    assert found["lock"]["owner"] == "ann@laptop"
    assert "preview" not in found["route"]
    json.dumps(found)


def test_a_lock_that_was_given_back_is_none(live: World) -> None:
    live.start_run().run.lock.give_back()
    assert status(live.release)["lock"] is None


def test_a_killed_runs_lock_is_none(live: World) -> None:
    live.consul.expire(live.start_run().run.id)
    assert status(live.release)["lock"] is None


def test_nothing_is_there_yet(world: World) -> None:
    found = status(world.release)
    assert (found["live"], found["route"], found["colors"], found["lock"]) == (None, None, {}, None)
    assert found["proxies"]["proxy-1"]["revision"] == 0


def test_what_runs_in_place_is_no_leftover(world: World) -> None:
    world.engine.put("books-ms_app", 2, spec="s1")
    world.record(run=Run("r", "ann", "2026-11-21T12:00:00Z"))
    found = status(world.release)
    assert found["in_place"] == {"swarm_service": "books-ms_app", "image": "app:1", "replicas": 2, "running": 2}
    assert found["drift"] == []


def test_a_side_target_of_that_name_is_none(world: World) -> None:
    world.engine.put("books-ms_app", 2)
    assert status(world.release)["in_place"] is None


def test_all_that_runs_is_recorded_is_routed_or_is_kept_is_shown(live: World) -> None:
    live.engine.put("shop_web-green", 1)
    for service in ("routed-app", "no_name", "x"):
        text = Route(service, 1, ("/x",), Split("blue")).to_json()
        live.consul.seed(f"docker-flow/routes/{service}", text)
    live.consul.seed("docker-flow/routes/removed-app", Tombstone("removed-app", 3).to_json())
    record = ReleaseRecord("old-shop", "web-app")
    live.consul.seed("docker-flow/releases/old-shop-web-app", json.dumps(record.to_document()))
    live.consul.seed("docker-flow/releases/damaged-app", "{")
    live.proxies["proxy-2"].services["kept-app"] = {"revision": 3, "error": None, "live": "blue", "colors": {}}
    live.proxies.publish()
    recorded = recorded_targets(live.consul, "docker-flow/")
    found = shown_targets(live.engine, live.consul, "docker-flow/", live.release.fleet.snapshot(), recorded)
    assert found == {
        "books-ms-app": ("books-ms", "app"),
        "shop-web": ("shop", "web"),
        "routed-app": ("routed", "app"),
        "old-shop-web-app": ("old-shop", "web-app"),
        "kept-app": ("kept", "app"),
    }


def test_what_proxies_say_of_themselves(live: World) -> None:
    live.proxies["proxy-2"].services["shop-app"] = {"revision": 0, "error": "no JSON", "live": None, "colors": {}}
    live.proxies["proxy-1"].notes = ["disk full"]
    live.proxies.publish()
    live.consul.seed("docker-flow/proxies/stranger", json.dumps(live.proxies["proxy-1"].report()))
    assert proxies(live.release.fleet.snapshot()) == {
        "proxy-1": {
            "address": "http://192.0.2.1:80",
            "alive": True,
            "member": True,
            "notes": ["disk full"],
            "errors": {},
        },
        "proxy-2": {
            "address": "http://192.0.2.2:80",
            "alive": True,
            "member": True,
            "notes": [],
            "errors": {"shop-app": "no JSON"},
        },
        "stranger": {"address": "", "alive": True, "member": False, "notes": ["disk full"], "errors": {}},
    }
