# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage adopt: what was lost is rebuilt from what proxies and engine say, and contradictions are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import Acknowledgement, Proxy
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, RouteOptions, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.adopt import adopt, plan_adopt
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.proxy import RouteWish
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import CONFIRMS, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

EMPTY = ReleaseRecord("books-ms", "app")
WISH = RouteWish(paths=("/books",), hosts=("books.example",), options={"retries": 0})
KEPT = Route(SERVICE, 9, ("/kept",), Split("blue", "green", 0), instances={"blue": 5}, draining=("192.0.2.1:1",))


def truth(
    says: dict[str, str | None] | None = None, running: dict[str, int] | None = None, route: Route | None = None
) -> Truth:
    """What each proxy sends users to, what runs, the route in the store."""
    fleet = {
        name: Proxy(
            name, "http://192.0.2.1", True, 1, (), {SERVICE: Acknowledgement(9, None, live, {})} if live else {}
        )
        for name, live in (says or {"p1": None}).items()
    }
    running = {"blue": 2} if running is None else running
    services = {color: service(f"books-ms_app-{color}", count, "s1") for color, count in running.items()}
    return Truth(route, 7 if route else 0, fleet, services, running, SERVICE)


def test_the_route_that_the_proxies_kept_stands_again() -> None:
    found = truth({"p1": "blue"})
    said = Acknowledgement(9, None, "blue", {}, KEPT.to_document())
    found.fleet["p1"].services[SERVICE] = said  # type: ignore[index]
    plan = plan_adopt(found, EMPTY, "blue", WISH)
    assert plan.changed
    assert (plan.route.paths, plan.route.revision, plan.route.split) == (("/kept",), 10, Split("blue"))
    assert (dict(plan.route.instances), plan.route.draining) == ({"blue": 2}, ())


def test_without_one_the_settings_say_what_it_was() -> None:
    plan = plan_adopt(truth(), EMPTY, "blue", WISH)
    assert (plan.route.paths, plan.route.hosts, plan.route.options) == (
        ("/books",),
        ("books.example",),
        RouteOptions(retries=0),
    )
    assert plan.route.revision == 1


@pytest.mark.parametrize(
    ("found", "live", "wish", "said"),
    [
        pytest.param(
            truth({"p1": "blue"}), None, WISH, "proxy p1 sends users to blue, running are blue 2; run it", id="no"
        ),
        pytest.param(truth({"p1": "blue"}), "green", WISH, "'green' contradicts what users of", id="a proxy says more"),
        pytest.param(
            truth({"p1": "blue", "p2": "green"}, {"blue": 2, "green": 2}),
            "blue",
            WISH,
            "contradicts",
            id="proxies disagree",
        ),
        pytest.param(
            truth(None, {"blue": 2, "green": 1}, Route(SERVICE, 4, ("/",), Split("green"))),
            "blue",
            WISH,
            "the route says green",
            id="the route says more",
        ),
        pytest.param(
            truth(None, {"blue": 0}), "blue", WISH, "'blue' of 'books-ms-app' does not run", id="it is stopped"
        ),
        pytest.param(truth(), "green", WISH, "'green' of 'books-ms-app' does not run", id="it is not there"),
        pytest.param(truth(), "blue", RouteWish(), "service_path: no proxy has the route", id="no paths anywhere"),
    ],
)
def test_what_is_refused(found: Truth, live: str | None, wish: RouteWish, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        plan_adopt(found, EMPTY, live, wish)


@pytest.mark.parametrize(
    ("record", "changed"),
    [
        pytest.param(EMPTY, True, id="only the record was lost"),
        pytest.param(ReleaseRecord("books-ms", "app", live=release_of("blue", "")), True, id="it knows no release"),
        pytest.param(ReleaseRecord("books-ms", "app", live=release_of("blue")), False, id="nothing was lost"),
    ],
)
def test_a_route_that_stands_is_not_written(record: ReleaseRecord, changed: bool) -> None:
    plan = plan_adopt(truth({"p1": "blue"}, route=KEPT), record, "blue", WISH)
    assert (plan.changed, plan.stands, plan.route) == (changed, True, KEPT)


# -- carrying it out ---------------------------------------------------------------------------------------------------


@pytest.fixture
def wiped(world: World) -> World:
    """Blue is live on both proxies, and Consul has lost all of it but the members."""
    world.colour("blue", 2, image="app:2")
    world.route("blue")
    for proxy in world.proxies.members.values():
        proxy.services[SERVICE]["route"] = world.route_now().to_document()
    world.consul.keys.pop(f"docker-flow/routes/{SERVICE}")
    world.proxies.publish()
    world.start_run()
    return world


def carry_out(world: World) -> dict[str, Any]:
    found = world.release.truth()
    plan = plan_adopt(found, world.recorded_now(), "blue", RouteWish())
    return adopt(world.release, plan, found, 0.0)


def test_route_and_record_are_there_again(wiped: World) -> None:
    assert sorted(carry_out(wiped)["proxies"]) == ["proxy-1", "proxy-2"]
    route, live = wiped.route_now(), wiped.recorded_now().live
    assert (route.split, route.paths, dict(route.instances)) == (Split("blue"), ("/api/v1/books",), {"blue": 2})
    assert route.revision == 5  # newer than what the proxies have
    assert live is not None
    assert (live.color, live.spec, live.image, live.instances) == ("blue", "s1", "app:2", 2)
    assert len(wiped.running("blue")) == 2


def test_users_stay_where_they_are_when_a_proxy_does_not_confirm(wiped: World) -> None:
    wiped.proxies["proxy-2"].behaviour = SILENT
    with pytest.raises(DeliveryError, match=r"did not confirm.*stay on blue.*run adopt again"):
        carry_out(wiped)
    assert all(route is not None for route in wiped.proxies.routes[1:]), "to delete it would end what users get"
    assert wiped.release.fleet.snapshot()["proxy-1"].services[SERVICE].live == "blue"
    assert wiped.recorded_now().live is None
    wiped.proxies["proxy-2"].behaviour = CONFIRMS
    wiped.proxies.settle(SERVICE)
    carry_out(wiped)
    live = wiped.recorded_now().live
    assert live is not None
    assert live.color == "blue"


def test_a_route_of_an_old_backup_is_replaced_by_what_users_get(world: World) -> None:
    world.colour("blue", 2)
    world.colour("green", 2, "s2")
    world.route("blue", 4)
    for proxy in world.proxies.members.values():
        proxy.services[SERVICE].update(revision=9, live="green")
    world.proxies.publish()
    world.start_run()
    found = world.release.truth()
    with pytest.raises(DeliveryError, match="contradicts"):
        plan_adopt(found, world.recorded_now(), "blue", RouteWish())
    adopt(world.release, plan_adopt(found, world.recorded_now(), "green", RouteWish()), found, 0.0)
    assert (world.route_now().split, world.route_now().revision) == (Split("green"), 10)


def test_what_a_proxy_keeps_is_read_from_its_report(wiped: World) -> None:
    report = json.loads(wiped.consul.keys["docker-flow/proxies/proxy-1"].value)
    assert report["services"][SERVICE]["route"]["paths"] == ["/api/v1/books"]
