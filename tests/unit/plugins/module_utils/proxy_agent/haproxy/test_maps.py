# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy import maps
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Preview, Route, Split


def test_routes_by_host_and_path(new_route: Callable[..., Route]) -> None:
    routes = [new_route("a", paths=("/", "/x/")), new_route("b", hosts=("B.example.com",), paths=("/x",))]
    assert maps.routes_map(routes) == {"*/": "a", "*/x/": "a", "b.example.com/x/": "b"}


@pytest.mark.parametrize(
    ("split", "value"),
    [
        pytest.param(Split("blue"), "blue::0", id="live alone"),
        pytest.param(Split("blue", "green", 25), "blue:green:25", id="a share"),
    ],
)
def test_live_and_share_are_one_value(new_route: Callable[..., Route], split: Split, value: str) -> None:
    assert maps.split_map([new_route(split=split)]) == {"books": value}


def test_a_token_belongs_to_its_service(new_route: Callable[..., Route]) -> None:
    token = Preview("green", "ab" * 32)
    routes = [new_route("a", preview=token), new_route("b", preview=token), new_route("c")]
    assert maps.preview_map(routes) == {f"a/{'ab' * 32}": "green", f"b/{'ab' * 32}": "green"}


def test_the_file_has_every_entry_once_in_order() -> None:
    assert maps.to_text({"*/b/": "y", "*/a/": "x"}) == "*/a/ x\n*/b/ y\n"
    assert maps.to_text({}) == ""
