# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy tells the fleet of its colours, and when it is worth telling often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import (
    Check,
    Counts,
    Generation,
    ServerState,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.report.acknowledgement import (
    Effect,
    document,
    is_busy,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split

BLUE, GREEN = "shop-app-blue", "shop-app-green"


def server(name: str, *, drained: bool = False, maintenance: bool = False) -> ServerState:
    return ServerState(name, "10.0.0.1:1", True, maintenance, drained, True, True)


def effect(*servers: ServerState, draining: tuple[str, ...] = ()) -> Effect:
    route = Route("shop-app", 7, ("/",), Split("blue"), instances={"blue": len(servers)}, draining=draining)
    return Effect({"shop-app": route}, {}, {BLUE: {one.name: one for one in servers}})


def blue(effect: Effect, counts: Counts) -> dict[str, int]:
    return dict(document("p1", "haproxy", effect, counts)["services"]["shop-app"]["colors"]["blue"])


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(server("b"), {"servers": 2, "up": 2, "open": 5, "draining": 0}, id="both in rotation"),
        pytest.param(server("b", drained=True), {"servers": 1, "up": 1, "open": 5, "draining": 3}, id="one is drained"),
        pytest.param(server("b", maintenance=True), {"servers": 1, "up": 1, "open": 5, "draining": 0}, id="one is off"),
    ],
)
def test_a_colour_counts_open_requests_on_drained_servers_apart(state: ServerState, expected: dict[str, int]) -> None:
    counts = Counts({BLUE: 5}, {(BLUE, "a"): 2, (BLUE, "b"): 3, (GREEN, "b"): 9}, {BLUE: {"a", "b"}})
    assert blue(effect(server("a"), state), counts) == expected


@pytest.mark.parametrize(
    ("counts", "draining", "busy"),
    [
        pytest.param(Counts({BLUE: 5}, {}, {BLUE: {"a"}}), (), False, id="users on the live colour"),
        pytest.param(Counts({GREEN: 1}, {}, {BLUE: {"a"}}), (), True, id="a request is left on the other colour"),
        pytest.param(
            Counts({BLUE: 5}, {}, {BLUE: {"a"}}), ("10.0.0.1:1",), True, id="an instance of the live one drains"
        ),
        pytest.param(Counts({}, {}, {}), (), True, id="a server has yet to prove itself"),
    ],
)
def test_numbers_that_somebody_waits_for_are_published_often(
    counts: Counts, draining: tuple[str, ...], busy: bool
) -> None:
    assert is_busy(effect(server("a"), draining=draining), counts) is busy


@pytest.mark.parametrize("lost", [False, True])
def test_a_route_that_consul_lost_is_told_whole(lost: bool) -> None:
    known = replace(effect(server("a")), lost=("shop-app",) if lost else ())
    said = document("p1", "haproxy", known, Counts())["services"]["shop-app"]
    assert said.get("route") == (known.routes["shop-app"].to_document() if lost else None)
    assert said.get("lost", False) is lost


@pytest.mark.parametrize(
    ("counts", "still_open"),
    [
        pytest.param(Counts(), 0, id="none"),
        pytest.param(Counts({BLUE: 2, GREEN: 1, "other-blue": 9}), 3, id="some, in a generation that still knows it"),
    ],
)
def test_a_removed_route_is_told_with_the_requests_that_came_by_it(counts: Counts, still_open: int) -> None:
    known = Effect(removed={"shop-app": 8})
    said = document("p1", "haproxy", known, counts)
    assert (said["services"], said["removed"]) == ({}, {"shop-app": {"revision": 8, "open": still_open}})
    assert is_busy(known, counts) is bool(still_open)


@pytest.mark.parametrize(
    ("generations", "version", "workers"),
    [
        pytest.param(
            (Generation(24, True, "3.0.11"), Generation(8, False, "3.0.9")),
            "3.0.11",
            [{"pid": 24, "current": True}, {"pid": 8, "current": False}],
            id="the current one's",
        ),
        pytest.param((), None, [], id="it is away"),
    ],
)
def test_readers_of_old_and_new_find_the_version(
    generations: tuple[Generation, ...], version: str | None, workers: list[dict[str, object]]
) -> None:
    said = document("p1", "haproxy", Effect(generations=generations), Counts())
    assert (said["provider"], said["version"], said["haproxy"]) == ("haproxy", version, version)
    assert said["workers"] == workers


def test_a_route_that_never_was_in_effect_has_its_error_alone() -> None:
    said = document("p1", "haproxy", Effect(errors={"shop-app": "no JSON"}), Counts())
    assert said["services"] == {
        "shop-app": {"revision": 0, "error": "no JSON", "written": None, "live": None, "colors": {}}
    }


REFUSED = Check("refused", "connection refused")


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        pytest.param({}, None, id="nothing is known"),
        pytest.param({"b": REFUSED}, ["connection refused"], id="one that is down"),
        pytest.param(
            {"b": REFUSED, "up": REFUSED, "drained": REFUSED}, ["connection refused"], id="others do not count"
        ),
        pytest.param(dict.fromkeys("bcdef", REFUSED), ["connection refused"] * 3, id="only a few are told"),
    ],
)
def test_what_the_checks_got_of_servers_that_are_not_up(checks: dict[str, Check], told: list[str] | None) -> None:
    servers = [*map(server, "bcdef"), server("up"), server("drained", drained=True)]
    counts = Counts(up={BLUE: {"up"}}, failing={(BLUE, name): check for name, check in checks.items()})
    said = document("p1", "haproxy", effect(*servers), counts)["services"]["shop-app"]["colors"]["blue"]
    assert [one["got"] for one in said.get("failing", ())] == (told or [])
    assert all(one["place"] == "10.0.0.1:1" for one in said.get("failing", ()))


def test_what_is_told_of_failing_checks_is_bounded() -> None:
    names = [f"s{number}" for number in range(500)]
    routes = {name: Route(name, 1, (f"/{name}",), Split("blue")) for name in names}
    servers = {f"{name}-blue": {one.name: one for one in map(server, "abcd")} for name in names}
    failing = {(backend, name): REFUSED for backend in servers for name in "abcd"}
    said = document("p1", "haproxy", Effect(routes, {}, servers), Counts(failing=failing))["services"]
    assert sum(len(one["colors"]["blue"].get("failing", ())) for one in said.values()) == 100


def test_what_users_get_counts_more_than_what_the_route_says() -> None:
    known = replace(effect(), errors={"shop-app": "full"}, live={"shop-app": "green"}, written={"shop-app": 8})
    said = document("p1", "haproxy", known, Counts())["services"]["shop-app"]
    assert (said["revision"], said["written"], said["live"]) == (7, 8, "green")
