# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxy_reconfigure: predicted, done, and nothing left to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import ColorRoute, RouteOptions
from ansible_collections.dockerflow.delivery.plugins.modules import proxy_reconfigure
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

from .conftest import Run


@pytest.fixture
def deployed(world: World) -> World:
    """Blue is live, green a candidate."""
    world.colour("blue", 2, "v1")
    world.route("blue")
    world.colour("green", 3, "v2")
    world.record(live=release_of("blue", "v1"), candidate=release_of("green", "v2", 3))
    return world


def test_a_flip_is_predicted_then_done_then_there(deployed: World, run: Run) -> None:
    predicted = run(proxy_reconfigure, check=True)
    done = run(proxy_reconfigure)
    assert [one["changed"] for one in (predicted, done)] == [True, True]
    for name in ("color", "revision", "route", "diff"):
        assert predicted[name] == done[name], name
    assert (done["color"], done["revision"], sorted(done["proxies"])) == ("green", 6, ["proxy-1", "proxy-2"])
    assert done["diff"]["before"]["split"]["live"] == "blue"
    assert done["diff"]["after"]["split"]["live"] == "green"
    assert deployed.recorded_now().live == release_of("green", "v2", 3)
    for again in (run(proxy_reconfigure, check=True), run(proxy_reconfigure)):
        assert (again["changed"], again["color"], again["revision"]) == (False, "green", 6)
        assert again["diff"]["before"] == again["diff"]["after"]


def test_the_first_route(world: World, run: Run) -> None:
    world.colour("blue", 1)
    world.record(candidate=release_of("blue"))
    missing = run(proxy_reconfigure, check=True)
    assert missing["failed"]
    assert missing["msg"].startswith("stage proxy: service_path: 'books-ms-app' has no route yet")
    done = run(proxy_reconfigure, service_path=["/api/v1/books"], check_path="/health", retries=0)
    assert (done["changed"], done["diff"]["before"], done["route"]["options"]["retries"]) == (True, {}, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"service_path": ["books"]}, "service_path 'books' has no leading slash", id="path"),
        pytest.param({"check_path": "health"}, "check_path 'health' has no leading slash", id="check path"),
        pytest.param({"service_domain": ["http://a"]}, "service_domain 'http://a' is not a host name", id="host"),
        pytest.param({"consul_prefix": "a b"}, "consul_prefix 'a b' is not valid", id="prefix"),
        pytest.param({"target": "My_App"}, "target 'My_App' is not a valid DNS label", id="target"),
    ],
)
def test_what_is_not_valid_is_refused_before_anything_is_touched(
    deployed: World, run: Run, options: dict[str, Any], said: str
) -> None:
    refused = run(proxy_reconfigure, **options)
    assert refused["failed"]
    assert refused["msg"].startswith(f"stage proxy: {said}")
    assert deployed.consul.written == []


def test_a_failure_leaves_users_where_they_are_and_ends_the_run(deployed: World, run: Run) -> None:
    deployed.proxies["proxy-2"].behaviour = "disk full"
    failed = run(proxy_reconfigure)
    assert failed["failed"]
    assert "proxy 'proxy-2' refuses revision 5 of 'books-ms-app': disk full" in failed["msg"]
    assert (failed["changed"], deployed.route_now().split.live) == (False, "blue")
    assert deployed.consul.sessions == set()
    journal = deployed.recorded_now().run
    assert journal is not None
    assert [entry.outcome for entry in journal.journal] == ["started", "failed"]


def test_an_unchanged_route_still_needs_every_proxy(deployed: World, run: Run) -> None:
    deployed.proxies["proxy-2"].services = {}
    deployed.proxies["proxy-2"].behaviour = SILENT
    deployed.proxies.publish()
    failed = run(proxy_reconfigure, color="blue")
    assert failed["failed"]
    assert "proxy-2 does not know the service yet" in failed["msg"]


def test_a_flip_that_was_not_recorded_is_recorded(deployed: World, run: Run) -> None:
    deployed.route("green")
    result = run(proxy_reconfigure)
    assert result["changed"] is False
    assert deployed.recorded_now().live == release_of("green", "v2", 3)


def test_open_requests_on_the_old_colour_are_waited_for_and_counted(deployed: World, run: Run) -> None:
    deployed.proxies["proxy-2"].open["blue"] = 3
    assert run(proxy_reconfigure)["still_open"] == {}
    assert run(proxy_reconfigure, drain_timeout=1)["still_open"] == {"proxy-2": 3}


def test_taking_it_off_the_proxies(deployed: World, run: Run) -> None:
    predicted = run(proxy_reconfigure, check=True, state="absent")
    done = run(proxy_reconfigure, state="absent")
    again = run(proxy_reconfigure, state="absent")
    assert [one["changed"] for one in (predicted, done, again)] == [True, True, False]
    assert predicted["diff"] == done["diff"]
    assert all(SERVICE not in proxy.services for proxy in deployed.proxies.members.values())
    assert len(deployed.running("blue")) == 2


def test_taking_it_off_is_not_done_while_a_proxy_has_a_trace(deployed: World, run: Run) -> None:
    deployed.proxies["proxy-2"].behaviour = SILENT
    assert "still have a trace" in run(proxy_reconfigure, state="absent")["msg"]
    assert "still have a trace" in run(proxy_reconfigure, state="absent")["msg"]


def test_the_preview_is_not_in_a_diff(deployed: World, run: Run) -> None:
    result = run(proxy_reconfigure)
    assert "preview" not in result["diff"]["before"]
    assert "preview" not in result["diff"]["after"]


def test_a_planned_release_asks_nothing_of_what_its_colour_was_before(world: World, run: Run) -> None:
    world.colour("blue", 2, "v1")
    world.colour("green", 0, "v0")
    world.route(
        "blue",
        releases={"green": ColorRoute(("/old",), ("old.example",), RouteOptions(timeout_server=300), "v0")},
    )
    world.record(live=release_of("blue", "v1"), previous=release_of("green", "v0"))
    route = run(proxy_reconfigure, check=True, color="green", planned_instances=2)["route"]
    assert (route["paths"], route["hosts"], route["options"]["timeout_server"]) == (["/api/v1/books"], [], 30)


def test_a_planned_release_can_be_predicted(deployed: World, run: Run) -> None:
    deployed.engine.services.pop("books-ms_app-green")
    predicted = run(proxy_reconfigure, check=True, color="green", planned_instances=2)
    assert (predicted["changed"], predicted["color"]) == (True, "green")
