# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restructuring, decision by decision."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.restructuring import (
    fall_back,
    find_culprits,
    restructured_services,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, RouteOptions, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxy_driver import FakeDriver

NewRoute = Callable[..., Route]


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        pytest.param([], {"a": 2, "b": 2}, id="none"),
        pytest.param(["a"], {"a": 1, "b": 2}, id="one that was good before"),
        pytest.param(["b"], {"a": 2}, id="one that never was"),
        pytest.param(["c"], {"a": 2, "b": 2, "c": 1}, id="one that is not among them any more"),
    ],
)
def test_fall_back(new_route: NewRoute, refused: Collection[str], expected: dict[str, int]) -> None:
    good = {name: new_route(name) for name in ("a", "c")}
    routes = {name: new_route(name, revision=2) for name in ("a", "b")}
    assert {name: route.revision for name, route in fall_back(routes, good, refused).items()} == expected


@pytest.mark.parametrize(
    ("change", "restructured"),
    [
        pytest.param({"split": Split("green"), "revision": 2}, [], id="a flip"),
        pytest.param({"options": RouteOptions(retries=9)}, ["a"], id="an option"),
        pytest.param({"service": "b"}, ["b"], id="a new service"),
    ],
)
def test_restructured_services(
    driver: FakeDriver, new_route: NewRoute, change: dict[str, object], restructured: list[str]
) -> None:
    route = new_route(**{"service": "a", **change})
    assert restructured_services({route.service: route}, {"a": new_route("a")}, driver.structure_of) == restructured


@pytest.mark.parametrize(
    ("refuses", "culprits"),
    [
        pytest.param({}, [], id="each alone is fine"),
        pytest.param({"a": "x"}, ["a"], id="one of them"),
        pytest.param({"a": "x", "b": "y"}, ["a", "b"], id="both"),
        pytest.param({"good": "x"}, ["a", "b"], id="what was good is refused now: nobody can be told apart"),
    ],
)
def test_culprits_are_found_one_by_one(
    driver: FakeDriver, new_route: NewRoute, refuses: dict[str, str], culprits: list[str]
) -> None:
    driver.refuses = refuses
    found = find_culprits(driver, {"good": new_route("good")}, [new_route("a"), new_route("b")])
    assert list(found) == culprits
    assert all(why.startswith(f"The fake does not accept the route of '{name}': ") for name, why in found.items())
