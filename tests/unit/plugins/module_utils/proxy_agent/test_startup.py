# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy starts with."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
    RegistryUnreachableError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import ProxyError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.first_answer import FirstAnswer
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.intent import Written
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.last_good import LastGood
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.startup import prepare
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxy_driver import FakeDriver

NewRoute = Callable[..., Route]
A, B = Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)
BLUE = "books-blue"


def answer(index: int, routes: list[Route], **instances: list[Endpoint]) -> FirstAnswer:
    return FirstAnswer(
        Written(index, {route.service: route.to_json() for route in routes}),
        {
            name.replace("_", "-"): [
                Instance(str(one), one.address, one.port, "n", True, True, {}, ()) for one in found
            ]
            for name, found in instances.items()
        },
    )


def no_answer() -> FirstAnswer:
    raise RegistryUnreachableError("no Consul agent answered")


def test_it_starts_with_what_should_be(driver: FakeDriver, settings: Settings, new_route: NewRoute) -> None:
    prepare(driver, settings.paths, lambda: answer(11, [new_route(split=Split("green"))], books_green=[A, B]))
    assert driver.disk == {"books": Split("green")}
    assert driver.recorded == {"books-green": (A, B)}


@pytest.mark.parametrize(
    ("found", "servers"),
    [
        pytest.param([B], (B,), id="what the catalog names"),
        pytest.param([], (A,), id="an empty answer: no check runs yet that could say they are gone"),
    ],
)
def test_the_servers_of_the_start(
    driver: FakeDriver, settings: Settings, new_route: NewRoute, found: list[Endpoint], servers: tuple[Endpoint, ...]
) -> None:
    route = new_route(instances={"blue": 1})
    LastGood({"books": route}, {BLUE: (A,)}).write(settings.paths.last_good)
    prepare(driver, settings.paths, lambda: answer(11, [route], books_blue=found))
    assert driver.recorded == {BLUE: servers}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(True, {"books": Split("blue"), "good": Split("blue")}, id="it was good before"),
        pytest.param(False, {"good": Split("blue")}, id="it is new"),
    ],
)
def test_a_route_that_the_proxy_refuses_harms_no_other(
    driver: FakeDriver, settings: Settings, new_route: NewRoute, known: bool, expected: dict[str, Split]
) -> None:
    if known:
        LastGood({"books": new_route()}, {}).write(settings.paths.last_good)
    driver.refuses["books"] = "unknown keyword"
    routes = [new_route(revision=2, split=Split("green")), new_route("good")]
    prepare(driver, settings.paths, lambda: answer(11, routes))
    assert driver.disk == expected


def test_a_store_that_lost_its_routes_takes_none_away(
    driver: FakeDriver, settings: Settings, new_route: NewRoute
) -> None:
    LastGood({"books": new_route()}, {BLUE: (A,)}).write(settings.paths.last_good)
    prepare(driver, settings.paths, lambda: answer(2, []))
    assert driver.disk == {"books": Split("blue")}
    assert driver.recorded == {BLUE: (A,)}


@pytest.mark.parametrize(
    ("can_start", "told", "message"),
    [
        pytest.param(True, ["startable"], "The fake starts with the last good files in", id="last good files"),
        pytest.param(False, ["startable", "write_start"], "The fake starts without any route", id="nothing was known"),
    ],
)
def test_without_consul(
    driver: FakeDriver,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    can_start: bool,
    told: list[str],
    message: str,
) -> None:
    driver.can_start = can_start
    with caplog.at_level(logging.INFO):
        prepare(driver, settings.paths, no_answer)
    assert driver.calls == told
    assert caplog.messages[0] == "Consul gives no routes (no Consul agent answered)"
    assert message in caplog.messages[1]


@pytest.mark.parametrize("call", ["refusal", "write_start"])
def test_what_cannot_be_written_is_an_error(
    driver: FakeDriver, settings: Settings, new_route: NewRoute, call: str
) -> None:
    driver.fails[call] = ProxyError("the disk is full")
    with pytest.raises(DeliveryError, match="disk is full"):
        prepare(driver, settings.paths, lambda: answer(11, [new_route()]))
