# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage proxy: which colour, and what is written when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import Acknowledgement, Proxy
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import (
    ColorRoute,
    Preview,
    Route,
    RouteOptions,
    Split,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.proxy import (
    Plan,
    RouteWish,
    choose_color,
    plan,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.refusals import refuse_conflicts
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

BOOKS = ("/api/v1/books",)


def truth(route: Route | None, running: dict[str, int], said: int | None = None) -> Truth:
    """What holds: the route, what runs, and the revision that the one proxy acknowledges."""
    answer = {SERVICE: Acknowledgement(said, None, "blue", {})} if said is not None else {}
    fleet = {"proxy-1": Proxy("proxy-1", "http://192.0.2.1", True, 1, (), answer)}
    return Truth(route, 7 if route else 0, fleet, {}, running, SERVICE)


def route(live: str = "blue", **changes: Any) -> Route:
    """Revision 4, blue with two instances."""
    return replace(Route(SERVICE, 4, BOOKS, Split(live), instances={live: 2}), **changes)


NOTHING = ReleaseRecord("books-ms", "app")
CANDIDATE = ReleaseRecord("books-ms", "app", candidate=release_of("green"))


@pytest.mark.parametrize(
    ("wish", "found", "record", "expected"),
    [
        pytest.param("green", truth(route(), {"blue": 2}), NOTHING, "green", id="asked for"),
        pytest.param(None, truth(route(), {"blue": 2, "green": 2}), CANDIDATE, "green", id="the candidate"),
        pytest.param(None, truth(route(), {"blue": 2}), CANDIDATE, "blue", id="the candidate does not run: live"),
        pytest.param(None, truth(route(), {"blue": 2, "green": 2}), NOTHING, "blue", id="no candidate: live"),
        pytest.param(None, truth(None, {"green": 2}), NOTHING, "green", id="nothing recorded: what runs"),
    ],
)
def test_which_colour(wish: str | None, found: Truth, record: ReleaseRecord, expected: str) -> None:
    assert choose_color(RouteWish(color=wish), found, record) == expected


@pytest.mark.parametrize(
    "running", [pytest.param({}, id="nothing"), pytest.param({"blue": 1, "green": 1}, id="both, and none is recorded")]
)
def test_no_colour_to_choose(running: dict[str, int]) -> None:
    with pytest.raises(DeliveryError, match=r"^'books-ms-app' has no healthy candidate .*run the stage deploy"):
        choose_color(RouteWish(), truth(None, running), NOTHING)


def test_the_first_route_has_nothing_to_prepare() -> None:
    found = plan(RouteWish(paths=BOOKS), truth(None, {"blue": 2}), NOTHING)
    first = Route(SERVICE, 1, BOOKS, Split("blue"), instances={"blue": 2}, releases={"blue": ColorRoute(BOOKS)})
    assert found == Plan(None, None, first, "blue", 2)
    assert found.changed


def test_a_flip_prepares_the_candidate_first_with_the_old_paths() -> None:
    wish = RouteWish(paths=("/new",), hosts=("www.example.com",), options={"retries": 0})
    found = plan(wish, truth(route(), {"blue": 2, "green": 3}), CANDIDATE)
    options = RouteOptions(retries=0)
    both = {"blue": 2, "green": 3}
    own = ColorRoute(("/new",), ("www.example.com",), options)
    releases = {"blue": ColorRoute(BOOKS), "green": own}
    assert found.prepared == route(revision=5, instances=both, releases=releases)
    assert found.after == Route(
        SERVICE, 6, ("/new",), Split("green", "blue", 0), ("www.example.com",), both, options, releases=releases
    )
    assert (found.color, found.required, found.changed) == ("green", 3, True)


def test_a_colour_that_somebody_removed_is_not_expected() -> None:
    found = plan(RouteWish(), truth(route(), {"green": 3}), CANDIDATE)
    assert found.prepared is not None
    assert found.prepared.instances == found.after.instances == {"blue": 0, "green": 3}


def released(live: str = "green", blue: str = "v1", green: str = "v2") -> tuple[Truth, Route]:
    """Blue was live with one set of paths and options, green is with another; both run."""
    known = {
        "blue": ColorRoute(("/v1",), ("a.example",), RouteOptions("/old-check", 0), "v1"),
        "green": ColorRoute(("/v2",), (), RouteOptions("/new-check"), "v2"),
    }
    split = Split(live, "blue" if live == "green" else "green", 0)
    found = Route(SERVICE, 4, BOOKS, split, instances={"blue": 2, "green": 2}, releases=known).led_by(live, known[live])
    services = {color: service(f"books-ms_app-{color}", 2, spec) for color, spec in (("blue", blue), ("green", green))}
    return replace(truth(found, {"blue": 2, "green": 2}), services=services), found


def test_a_rollback_brings_the_whole_release_back() -> None:
    found, before = released()
    decided = plan(RouteWish(color="blue"), found, NOTHING)
    after = decided.after
    assert (after.paths, after.hosts, after.options) == (("/v1",), ("a.example",), RouteOptions("/old-check", 0))
    assert after.releases == before.releases
    assert decided.prepared is not None
    assert (decided.prepared.paths, decided.prepared.own("green")) == (("/v2",), before.own("green"))


def test_what_the_new_release_asks_never_reaches_the_old_one() -> None:
    found, before = released("blue", green="v3")
    wish = RouteWish(color="green", paths=("/v3",), options={"check_path": "/ready"})
    decided = plan(wish, found, NOTHING)
    for written in (decided.prepared, decided.after):
        assert written is not None
        assert written.own("blue") == before.own("blue")
        assert written.own("green") == ColorRoute(("/v3",), ("a.example",), RouteOptions("/ready"), "v3")


@pytest.mark.parametrize(
    ("green", "options", "expected"),
    [
        pytest.param("v2", {}, RouteOptions("/new-check"), id="the same release: as it was"),
        pytest.param("v2", {"check_path": None}, RouteOptions(), id="the same release, a setting taken out"),
        pytest.param("v3", {}, RouteOptions(), id="a new release: nothing is inherited"),
        pytest.param("v3", {"retries": 0}, RouteOptions(retries=0), id="a new release, zero means zero"),
    ],
)
def test_which_options_a_release_gets(green: str, options: dict[str, Any], expected: RouteOptions) -> None:
    found, _before = released("blue", green=green)
    assert plan(RouteWish(color="green", options=options), found, NOTHING).after.options == expected


@pytest.mark.parametrize(
    ("wish", "changed"),
    [
        pytest.param(RouteWish(), False, id="nothing given"),
        pytest.param(RouteWish(paths=BOOKS), False, id="the same path"),
        pytest.param(RouteWish(hosts=()), False, id="any host, as it is"),
        pytest.param(RouteWish(paths=("/other",)), True, id="another path"),
        pytest.param(RouteWish(hosts=("a.example",)), True, id="a host"),
        pytest.param(RouteWish(options={"timeout_server": 31}), True, id="an option"),
    ],
)
def test_a_second_run_changes_nothing_and_options_do(wish: RouteWish, changed: bool) -> None:
    found = plan(wish, truth(route(), {"blue": 2}), NOTHING)
    assert (found.prepared, found.color, found.changed) == (None, "blue", changed)


def test_a_route_that_is_older_than_what_a_proxy_has_is_written_again() -> None:
    found = plan(RouteWish(), truth(route(), {"blue": 2}, said=9), NOTHING)
    assert (found.changed, found.after.revision) == (True, 10)


@pytest.mark.parametrize(
    "wish", [pytest.param(RouteWish(), id="live again"), pytest.param(RouteWish(color="green"), id="a flip")]
)
def test_what_a_killed_scaling_left_drained_comes_back(wish: RouteWish) -> None:
    left = route(draining=("192.0.2.1:32768",))
    found = plan(wish, truth(left, {"blue": 2, "green": 2}), NOTHING)
    assert found.changed
    assert found.after.draining == ()
    assert found.prepared is None or found.prepared.draining == ()


def test_a_flip_ends_the_preview_and_a_share() -> None:
    shared = route(split=Split("blue", "green", 10), preview=Preview("green", "0" * 64))
    found = plan(RouteWish(), truth(shared, {"blue": 2, "green": 2}), CANDIDATE)
    assert found.prepared is not None
    assert found.prepared.split == Split("blue", "green", 10)
    assert (found.after.split, found.after.preview) == (Split("green", "blue", 0), None)


def test_to_make_the_live_colour_the_only_one_again_is_a_flip() -> None:
    shared = route(split=Split("blue", "green", 10))
    found = plan(RouteWish(color="blue"), truth(shared, {"blue": 2, "green": 2}), CANDIDATE)
    assert found.after.split == Split("blue", "green", 0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(truth(None, {"blue": 2}), 0, id="nothing anywhere"),
        pytest.param(truth(route(), {"blue": 2}), 4, id="the route"),
        pytest.param(truth(None, {"blue": 2}, said=9), 9, id="a proxy still has a deleted one"),
        pytest.param(truth(route(), {"blue": 2}, said=9), 9, id="Consul was restored from a backup"),
        pytest.param(truth(route(), {"blue": 2}, said=3), 4, id="a proxy lags behind"),
    ],
)
def test_no_revision_is_used_twice(found: Truth, expected: int) -> None:
    assert found.newest_revision == expected
    assert plan(RouteWish(paths=BOOKS), found, NOTHING).after.revision == expected + 1


@pytest.mark.parametrize(
    ("wish", "found", "said"),
    [
        pytest.param(
            RouteWish(), truth(None, {"blue": 1}), "^service_path: 'books-ms-app' has no route yet", id="no path"
        ),
        pytest.param(
            RouteWish(color="green"),
            truth(route(), {"blue": 2}),
            "'green' of 'books-ms-app' has no healthy instance",
            id="stopped",
        ),
        pytest.param(RouteWish(options={"retries": -1}), truth(route(), {"blue": 2}), "^retries '-1'", id="option"),
        pytest.param(RouteWish(paths=("x",)), truth(route(), {"blue": 2}), "has no leading slash", id="path"),
    ],
)
def test_what_no_proxy_could_serve_is_refused(wish: RouteWish, found: Truth, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        plan(wish, found, NOTHING)


@pytest.mark.parametrize(
    ("recorded", "command"),
    [
        pytest.param(None, "playbooks/remove.yml -e project=shop-api -e target=app$", id="without a record"),
        pytest.param(("shop", "api-app"), "playbooks/remove.yml -e project=shop -e target=api-app$", id="as recorded"),
    ],
)
def test_two_services_cannot_have_one_path(world: World, recorded: tuple[str, str] | None, command: str) -> None:
    other = Route("shop-api-app", 1, ("/api/v1/books/",), Split("blue"))
    world.consul.seed("docker-flow/routes/shop-api-app", other.to_json())
    if recorded:
        world.consul.seed("docker-flow/releases/shop-api-app", json.dumps(ReleaseRecord(*recorded).to_document()))
    said = r"^service_path: '\*/api/v1/books/' is already routed to 'shop-api-app': .* take it away with "
    with pytest.raises(DeliveryError, match=said + command):
        refuse_conflicts(world.release, route())
    elsewhere = replace(other, paths=("/api/v1/bookshelf",))
    world.consul.seed("docker-flow/routes/shop-api-app", elsewhere.to_json())
    refuse_conflicts(world.release, route())
    world.consul.seed("docker-flow/routes/shop-api-app", Tombstone("shop-api-app", 2).to_json())
    refuse_conflicts(world.release, route())
