# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: their JSON, the map keys they become, what no proxy may get, and who claims what."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import (
    ColorRoute,
    Preview,
    Route,
    RouteOptions,
    Split,
    conflicts,
    map_path,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.rules import (
    check_host,
    check_path,
    check_token,
)

ROUTE = Route(
    service="books-ms-app",
    revision=7,
    paths=("/api/v1/books", "/books"),
    hosts=("www.example.com",),
    split=Split("blue", "green", 10),
    instances={"blue": 2, "green": 2},
    options=RouteOptions(check_path="/health", retries=0),
    preview=Preview("green", "0123456789abcdef" * 4),
    draining=("192.0.2.1:32768",),
    epoch=1,
    releases={
        "blue": ColorRoute(("/api/v1/books", "/books"), ("www.example.com",), RouteOptions("/health", 0), "s1"),
        "green": ColorRoute(("/v2",), (), RouteOptions(timeout_server=60), "s2"),
    },
)
DOCUMENT = {
    "schema": 1,
    "service": "books-ms-app",
    "revision": 7,
    "paths": ["/api/v1/books", "/books"],
    "hosts": ["www.example.com"],
    "options": {"check_path": "/health", "retries": 0, "timeout_server": 30, "timeout_connect": 2, "timeout_queue": 5},
    "split": {"live": "blue", "candidate": "green", "percent": 10},
    "instances": {"blue": 2, "green": 2},
    "draining": ["192.0.2.1:32768"],
    "preview": {"color": "green", "token_sha256": "0123456789abcdef" * 4},
    "epoch": 1,
    "releases": {
        "blue": {
            "paths": ["/api/v1/books", "/books"],
            "hosts": ["www.example.com"],
            "options": {
                "check_path": "/health",
                "retries": 0,
                "timeout_server": 30,
                "timeout_connect": 2,
                "timeout_queue": 5,
            },
            "spec": "s1",
        },
        "green": {
            "paths": ["/v2"],
            "hosts": [],
            "options": {
                "check_path": None,
                "retries": 3,
                "timeout_server": 60,
                "timeout_connect": 2,
                "timeout_queue": 5,
            },
            "spec": "s2",
        },
    },
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(DOCUMENT)), **changes}


# -- JSON --------------------------------------------------------------------------------------------------------------


def test_what_stands_in_consul() -> None:
    assert json.loads(ROUTE.to_json()) == DOCUMENT


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(ROUTE, id="everything"),
        pytest.param(Route("a-b", 1, ("/",), Split("green")), id="as little as possible"),
    ],
)
def test_there_and_back(route: Route) -> None:
    assert Route.from_document(json.loads(route.to_json())) == route


def test_what_an_older_version_left_out_has_its_default() -> None:
    document = changed(preview=None, split={"live": "blue"})
    del document["draining"], document["options"]["timeout_queue"], document["releases"], document["epoch"]
    found = Route.from_document(document)
    assert (found.releases, found.epoch) == ({}, 0)
    assert (found.split, found.preview, found.draining) == (Split("blue", None, 0), None, ())
    assert found.options.timeout_queue == 5


def test_another_schema_is_refused() -> None:
    with pytest.raises(
        DeliveryError, match=r"^route of 'books-ms-app' has schema 2, this version reads 1: update the coll"
    ):
        Route.from_document(changed(schema=2))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"schema": 1, "service": "books-ms-app"}, id="nearly empty"),
        pytest.param(changed(revision="seven"), id="revision"),
        pytest.param(changed(paths=7), id="paths"),
        pytest.param(changed(options={"speed": 1}), id="unknown option"),
        pytest.param(changed(options=None), id="no options"),
        pytest.param(changed(split=None), id="no split"),
        pytest.param(changed(split={"candidate": "blue"}), id="nothing live"),
        pytest.param(changed(instances=[]), id="instances"),
        pytest.param(changed(instances={"blue": "many"}), id="no number"),
        pytest.param(changed(preview={"color": "green"}), id="no token"),
    ],
)
def test_a_damaged_route_names_its_service(document: dict[str, Any]) -> None:
    with pytest.raises(
        DeliveryError, match=r"^route of 'books-ms-app' in Consul is damaged .*: run the stage proxy again"
    ):
        Route.from_document(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param(changed(service="a_b"), "service 'a_b' is not a valid DNS label", id="service"),
        pytest.param(changed(paths=[]), "service_path: 'books-ms-app' has no path", id="no path"),
        pytest.param(changed(paths=["books"]), "^service_path 'books' has no leading slash", id="path"),
        pytest.param(
            changed(options={**DOCUMENT["options"], "check_path": "health"}),
            "^check_path 'health' has no leading",
            id="check",
        ),
        pytest.param(changed(hosts=["a b"]), "^service_domain 'a b' is not a host name", id="host"),
        pytest.param(changed(split={"live": "red"}), "neither blue nor green", id="live"),
        pytest.param(changed(instances={"red": 1}), "neither blue nor green", id="instances"),
        pytest.param(
            changed(preview={"color": "red", "token_sha256": "0" * 64}), "neither blue nor green", id="preview"
        ),
        pytest.param(
            changed(split={"live": "blue", "percent": 101}), "percent 101 is not between 0 and 100", id="percent"
        ),
        pytest.param(changed(split={"live": "blue", "percent": -1}), "percent -1 is not", id="negative percent"),
        pytest.param(
            changed(preview={"color": "green", "token_sha256": "secret"}),
            "not the hex form of a SHA-256",
            id="a token itself",
        ),
        pytest.param(
            changed(options={**DOCUMENT["options"], "retries": -1}), "^retries '-1' is not a whole number", id="retries"
        ),
        pytest.param(
            changed(options={**DOCUMENT["options"], "timeout_server": "30\n server x"}),
            "^timeout_server '30",
            id="injection",
        ),
        pytest.param(
            changed(options={**DOCUMENT["options"], "retries": True}), "^retries 'True'", id="no number at all"
        ),
    ],
)
def test_what_no_proxy_may_get(document: dict[str, Any], said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        Route.from_document(document)


def test_same_but_revision() -> None:
    assert ROUTE.same_but_revision(replace(ROUTE, revision=99))
    assert not ROUTE.same_but_revision(replace(ROUTE, paths=("/",)))


@pytest.mark.parametrize(("given", "expected"), [(None, "/api/v1/books"), ("/health", "/health")])
def test_what_the_proxies_check(given: str | None, expected: str) -> None:
    assert ColorRoute(ROUTE.paths, options=RouteOptions(check_path=given)).check_path == expected


def test_a_colour_without_a_release_of_its_own_is_treated_as_the_route_says() -> None:
    assert ROUTE.own("green").paths == ("/v2",)
    alone = replace(ROUTE, releases={})
    assert alone.own("green") == ColorRoute(ROUTE.paths, ROUTE.hosts, ROUTE.options)


def test_users_come_in_by_what_leads() -> None:
    led = ROUTE.led_by("green", ROUTE.own("green"))
    assert (led.paths, led.hosts, led.options) == (("/v2",), (), RouteOptions(timeout_server=60))
    assert led.releases == ROUTE.releases


# -- map keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "/"), ("/api", "/api/"), ("/api/", "/api/"), ("/api//", "/api/"), ("/a/b.c", "/a/b.c/")],
)
def test_map_paths_end_with_one_slash(path: str, expected: str) -> None:
    assert map_path(path) == expected


@pytest.mark.parametrize(
    ("hosts", "paths", "expected"),
    [
        pytest.param((), ("/books",), ["*/books/"], id="any host"),
        pytest.param((), ("/",), ["*/"], id="everything"),
        pytest.param(
            ("b.example", "A.Example"),
            ("/x", "/y"),
            ["a.example/x/", "a.example/y/", "b.example/x/", "b.example/y/"],
            id="each",
        ),
        pytest.param((), ("/books", "/books/"), ["*/books/"], id="the same path twice"),
        pytest.param(("a.example", "A.EXAMPLE"), ("/",), ["a.example/"], id="the same host twice"),
    ],
)
def test_keys(hosts: tuple[str, ...], paths: tuple[str, ...], expected: list[str]) -> None:
    assert replace(ROUTE, hosts=hosts, paths=paths).keys() == expected


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        pytest.param(((), ("/books",)), ((), ("/books/",)), ["*/books/"], id="the same path"),
        pytest.param(((), ("/books",)), ((), ("/bookshelf",)), [], id="another word"),
        pytest.param(((), ("/books",)), ((), ("/books/new",)), [], id="a longer path: it wins by itself"),
        pytest.param((("a.example",), ("/",)), ((), ("/",)), [], id="a host wins over any host"),
        pytest.param((("a.example",), ("/",)), (("A.example",), ("/",)), ["a.example/"], id="the same host"),
        pytest.param((("a.example",), ("/",)), (("b.example",), ("/",)), [], id="another host"),
    ],
)
def test_conflicts(mine: Any, theirs: Any, expected: list[str]) -> None:
    other = Route("shop-app", 1, theirs[1], Split("blue"), theirs[0])
    found = conflicts(replace(ROUTE, hosts=mine[0], paths=mine[1]), [other])
    assert found == [(key, "shop-app") for key in expected]


def test_a_service_does_not_conflict_with_itself() -> None:
    assert conflicts(ROUTE, [ROUTE]) == []


# -- what may stand in a configuration ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/v1/books", "/a.b", "/~ann", "/a+b", "/a:b@c", "/a!(b),c=d&e*f"])
def test_paths(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "/a b",
        "/a\tb",
        "/a\nb",
        "/ä",
        "/a#b",
        "/a?b=c",
        "/a%20b",
        '/a"b',
        "/a'b",
        "/a\\b",
        "/a{b",
        "/a}b",
        "/$a",
        "/a;b",
    ],
)
def test_paths_that_could_break_out(path: str) -> None:
    with pytest.raises(DeliveryError, match=r"^service_path '(.|\n)*' has a character that no route allows"):
        check_path(path)


@pytest.mark.parametrize("path", ["", "books", "http://books", " /books"])
def test_paths_start_with_a_slash(path: str) -> None:
    with pytest.raises(DeliveryError, match=f"^service_path '{path}' has no leading slash: write '/{path}'"):
        check_path(path)


@pytest.mark.parametrize("host", ["example", "www.example.com", "WWW.Example.COM", "1.example"])
def test_hosts(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", ["", "a..b", "a.b.", "http://a", "a:80", "a/b", "a_b", "*.example", "a b", "-a.b"])
def test_hosts_that_are_none(host: str) -> None:
    with pytest.raises(DeliveryError, match=r"^service_domain '.*' is not a host name such as www.example.com"):
        check_host(host)


@pytest.mark.parametrize("token", ["", "short", "with a space in it", "0123456789abcdef\n", "0123456789abcdeä"])
def test_a_token_that_is_refused(token: str) -> None:
    with pytest.raises(DeliveryError, match=r"^preview_token must have 16 or more") as refusal:
        check_token(token)
    assert not token or token not in str(refusal.value)


def test_a_token() -> None:
    check_token("0123456789abcde~")
