# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.judgement import (
    followed_colors,
    judge,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split

A, B, C = (Endpoint("10.0.0.1", port) for port in (1, 2, 3))


def _instance(endpoint: Endpoint, *, node_alive: bool = True, passing: bool = True) -> Instance:
    return Instance(f"id-{endpoint.port}", endpoint.address, endpoint.port, "n", node_alive, passing, {}, ())


@pytest.mark.parametrize(
    ("found", "before", "expected", "up", "servers", "noted"),
    [
        pytest.param(None, [A, B], 2, {A, B}, [A, B], False, id="no answer yet: all stay"),
        pytest.param([_instance(A)], [A, B], 2, {A, B}, [A], False, id="one left the catalog"),
        pytest.param([_instance(B), _instance(C)], [], 2, set(), [B, C], False, id="new ones"),
        pytest.param([_instance(A, node_alive=False)], [A], 1, set(), [A], False, id="its node lost touch"),
        pytest.param([_instance(A, passing=False), _instance(B)], [A, B], 2, {A, B}, [B], False, id="critical check"),
        pytest.param([], [A, B], 2, {A, B}, [A, B], True, id="all gone at once while they answer"),
        pytest.param([], [A, B], 2, {A}, [A], True, id="of all that are gone one answers"),
        pytest.param([], [A, B], 2, set(), [], False, id="all gone, none answers"),
        pytest.param([], [A, B], 0, {A, B}, [], False, id="all gone, as they should be"),
        pytest.param([_instance(A, passing=False)], [A], 1, {A}, [A], True, id="all critical while they answer"),
    ],
)
def test_judging(
    found: list[Instance] | None,
    before: list[Endpoint],
    expected: int,
    up: set[Endpoint],
    servers: list[Endpoint],
    noted: bool,
) -> None:
    judgement = judge("books-blue", found, before, expected, up)
    assert list(judgement.servers) == servers
    assert bool(judgement.notes) is noted


# What our registrator writes of a container that is no instance of a release.
OURS = {"owner": "node-1", "hash": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("wanted", "of", "servers"),
    [
        pytest.param("s2", ["s2", "s2"], [A, B], id="all of the release"),
        pytest.param("s2", ["s2", "s1"], [A], id="one of a release that was superseded: its node came back"),
        pytest.param("s2", ["s2", None], [A, B], id="another registrator does not say"),
        pytest.param("s2", ["s2", OURS], [A], id="ours says it is of none: an impostor with the name of one"),
        pytest.param("", ["s1", "s2"], [A, B], id="the route does not say"),
    ],
)
def test_only_instances_of_the_release_are_servers(wanted: str, of: list[Any], servers: list[Endpoint]) -> None:
    found = [
        replace(_instance(endpoint), meta=spec if spec is OURS else {"dockerflow_spec": spec} if spec else {})
        for endpoint, spec in zip((A, B), of, strict=True)
    ]
    assert list(judge("books-blue", found, [A, B], 2, {A, B}, wanted).servers) == servers


@pytest.mark.parametrize("address", ["", "app.example.com", "10.0.0.1 check", "10.0.0.1\nserver x"])
def test_an_address_that_is_none_is_named_and_left_out(address: str) -> None:
    broken = Instance("id-9", address, 80, "n", True, True, {}, ())
    judgement = judge("books-blue", [broken, _instance(A)], [], 2, set())
    assert judgement.servers == (A,)
    assert "id-9" in judgement.notes[0]


@pytest.mark.parametrize(
    ("split", "instances", "followed"),
    [
        pytest.param(Split("blue"), {"green": 2}, {"green": 2, "blue": 1}, id="what users get, always"),
        pytest.param(Split("blue", "green", 0), {"blue": 2}, {"blue": 2}, id="a candidate that nobody gets"),
        pytest.param(Split("blue", "green", 5), {"blue": 2}, {"blue": 2, "green": 1}, id="a candidate with a share"),
    ],
)
def test_followed_colors(
    new_route: Callable[..., Route], split: Split, instances: dict[str, int], followed: dict[str, int]
) -> None:
    assert followed_colors(new_route(split=split, instances=instances)) == followed
