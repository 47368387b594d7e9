# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.last_good import LastGood
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route

NewRoute = Callable[..., Route]


def test_it_survives(tmp_path: Path, new_route: NewRoute) -> None:
    good = LastGood({"a": new_route("a")}, {"a-blue": (Endpoint("fd00::1", 80),)})
    good.write(tmp_path / "f")
    assert LastGood.read(tmp_path / "f") == good


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"routes": [{}]}', '{"servers": {"a": ["x"]}}'])
def test_what_is_damaged_was_never_known(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)
    assert LastGood.read(tmp_path / "f") == LastGood()


def test_what_an_older_agent_wrote_is_read(tmp_path: Path, new_route: NewRoute) -> None:
    document = {"routes": [new_route("a").to_document()], "servers": {}, "index": 7, "orphans": ["b"]}
    (tmp_path / "f").write_text(json.dumps(document))
    assert LastGood.read(tmp_path / "f") == LastGood({"a": new_route("a")})


@pytest.mark.parametrize(
    ("documents", "lost"),
    [
        pytest.param({"a", "b", "c"}, set(), id="all are there"),
        pytest.param({"a"}, {"b"}, id="b is missing"),
        pytest.param(set(), {"a", "b"}, id="all are missing"),
    ],
)
def test_what_is_missing_was_lost(new_route: NewRoute, documents: set[str], lost: set[str]) -> None:
    assert LastGood({"a": new_route("a"), "b": new_route("b")}).missing_in(documents) == lost


@pytest.mark.parametrize(
    ("routes", "backends", "expected"),
    [
        pytest.param({"a": 2, "b": 2}, {"a", "b"}, {"a": 2, "b": 2}, id="all have their backends"),
        pytest.param({"a": 2, "b": 2}, {"a"}, {"a": 2, "b": 1}, id="b has none yet: its last good version"),
        pytest.param({"a": 2, "c": 1}, {"a", "b"}, {"a": 2, "b": 1}, id="b leaves, c is to come"),
        pytest.param({"a": 2}, {"a"}, {"a": 2}, id="b is gone"),
        pytest.param({}, set(), {}, id="nothing is left"),
    ],
)
def test_what_is_in_effect_is_what_has_backends(
    new_route: NewRoute, routes: dict[str, int], backends: set[str], expected: dict[str, int]
) -> None:
    good = LastGood({name: new_route(name) for name in ("a", "b")})
    wanted = {name: new_route(name, revision=revision) for name, revision in routes.items()}
    found = good.with_effect(wanted, {}, {f"{name}-{color}" for name in backends for color in ("blue", "green")})
    assert {name: route.revision for name, route in found.routes.items()} == expected


def test_a_backend_without_servers_is_not_remembered(new_route: NewRoute) -> None:
    one = Endpoint("10.0.0.1", 1)
    found = LastGood().with_effect({}, {"a-blue": [one], "a-green": []}, set())
    assert found.servers == {"a-blue": (one,)}
