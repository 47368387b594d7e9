# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.config import (
    render,
    structure_digest,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import (
    Preview,
    Route,
    RouteOptions,
    Split,
)

NewRoute = Callable[..., Route]


def test_a_routed_service_has_both_backends_even_without_a_server(settings: Settings, new_route: NewRoute) -> None:
    text = render(settings, [new_route()], {})
    assert "backend books-blue\n" in text
    assert "backend books-green\n" in text


def test_servers_stand_in_their_backend_in_order(settings: Settings, new_route: NewRoute) -> None:
    servers = {"books-green": [Endpoint("10.0.0.2", 32768), Endpoint("10.0.0.1", 32769), Endpoint("fd00::1", 80)]}
    section = _backend(render(settings, [new_route()], servers), "books-green")
    assert [line for line in section if line.startswith("server ")] == [
        "server 10.0.0.1_32769 10.0.0.1:32769",
        "server 10.0.0.2_32768 10.0.0.2:32768",
        "server fd00__1_80 [fd00::1]:80",
    ]


@pytest.mark.parametrize(
    ("change", "reloads"),
    [
        pytest.param({"split": Split("green")}, False, id="flip"),
        pytest.param({"split": Split("blue", "green", 5)}, False, id="share"),
        pytest.param({"revision": 7}, False, id="revision"),
        pytest.param({"preview": Preview("green", "0" * 64)}, False, id="preview"),
        pytest.param({"instances": {"blue": 9}}, False, id="instances"),
        pytest.param({"draining": ("10.0.0.1:80",)}, False, id="draining"),
        pytest.param({"paths": ("/books", "/more")}, False, id="another path"),
        pytest.param({"paths": ("/more", "/books")}, True, id="another first path, which is checked"),
        pytest.param({"options": RouteOptions(check_path="/health")}, True, id="check path"),
        pytest.param({"options": RouteOptions(retries=0)}, True, id="retries"),
        pytest.param({"options": RouteOptions(timeout_server=31)}, True, id="timeout"),
        pytest.param({"service": "records"}, True, id="another service"),
    ],
)
def test_only_services_and_their_options_need_a_reload(
    settings: Settings, new_route: NewRoute, change: dict[str, object], reloads: bool
) -> None:
    route = new_route()
    changed = dataclasses.replace(route, **change)  # type: ignore[arg-type]
    assert (structure_digest(settings, [route]) != structure_digest(settings, [changed])) is reloads


def test_the_digest_stands_where_show_info_finds_it(settings: Settings, new_route: NewRoute) -> None:
    routes = [new_route("b"), new_route("a")]
    digest = structure_digest(settings, routes)
    assert f"    description {digest}\n" in render(settings, reversed(routes), {"a-blue": [Endpoint("10.0.0.1", 80)]})


@pytest.mark.parametrize(
    ("options", "expected", "absent"),
    [
        pytest.param(RouteOptions(retries=0), ["retries 0"], "retry-on", id="no retries"),
        pytest.param(
            RouteOptions(retries=2),
            ["retries 2", "option redispatch 1", "http-request disable-l7-retry unless METH_GET"],
            "retries 0",
            id="retries, never of what changes something",
        ),
        pytest.param(RouteOptions(timeout_queue=0), ["timeout server 30s"], "timeout queue", id="0 is the default"),
    ],
)
def test_options(
    settings: Settings, new_route: NewRoute, options: RouteOptions, expected: list[str], absent: str
) -> None:
    section = _backend(render(settings, [new_route(options=options)], {}), "books-blue")
    assert set(expected) <= set(section)
    assert not [line for line in section if line.startswith(absent)]


@pytest.mark.parametrize(
    ("route", "host"),
    [
        pytest.param({}, "books", id="any host: the service"),
        pytest.param({"hosts": ("WWW.Example.com", "b.example.com")}, "www.example.com", id="the first host"),
    ],
)
def test_the_check_asks_with_a_host(
    settings: Settings, new_route: NewRoute, route: dict[str, object], host: str
) -> None:
    section = _backend(render(settings, [new_route(**route)], {}), "books-blue")
    assert any(f"uri '/books' ver HTTP/1.1 hdr Host '{host}'" in line for line in section)


def test_a_host_with_a_dot_at_its_end_is_the_host_without(settings: Settings, new_route: NewRoute) -> None:
    assert "req.fhdr(host),host_only,lower,rtrim(.)," in render(settings, [new_route()], {})


@pytest.mark.parametrize(
    ("timeout_server", "silence"),
    [
        pytest.param(30, "300s", id="longer than the time to answer"),
        pytest.param(900, "900s", id="never shorter"),
        pytest.param(0, "300s", id="0 is the default"),
    ],
)
def test_a_stream_may_be_silent_for_longer(
    settings: Settings, new_route: NewRoute, timeout_server: int, silence: str
) -> None:
    options = RouteOptions(timeout_server=timeout_server)
    section = _backend(render(settings, [new_route(options=options)], {}), "books-blue")
    assert any(line.startswith(f"http-response set-timeout server {silence} if ") for line in section)


def test_a_replaced_worker_lasts_as_long_as_a_websocket_may_be_silent_but_no_more_than_a_few(
    settings: Settings,
) -> None:
    lines = [line.strip() for line in render(settings, [], {}).splitlines()]
    assert "timeout tunnel 1h" in lines
    assert f"hard-stop-after {60 * 60}s" in lines
    assert "mworker-max-reloads 20" in lines


def _backend(text: str, name: str) -> list[str]:
    lines = text.partition(f"backend {name}\n")[2].splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("    ")), len(lines))
    return [line.strip() for line in lines[:end]]
