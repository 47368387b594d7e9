# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which colours have which servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.desired_servers import (
    Known,
    desired_servers,
    followed_names,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split

NewRoute = Callable[..., Route]
A, B = Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)
BLUE, GREEN = "books-blue", "books-green"


def instance(endpoint: Endpoint) -> Instance:
    return Instance(str(endpoint), endpoint.address, endpoint.port, "n", True, True, {}, ())


@pytest.mark.parametrize(
    ("route", "catalog", "expected", "noted"),
    [
        pytest.param({"instances": {"green": 1}}, {BLUE: [A], GREEN: [B]}, {BLUE: (A,), GREEN: (B,)}, 0, id="both run"),
        pytest.param({}, {BLUE: [A], GREEN: [B]}, {BLUE: (A,), GREEN: ()}, 0, id="a colour that nobody follows"),
        pytest.param({}, {}, {BLUE: (A, B), GREEN: ()}, 0, id="no answer yet"),
        pytest.param({}, {BLUE: []}, {BLUE: (A,), GREEN: ()}, 1, id="nothing registered, one still answers"),
    ],
)
def test_desired_servers(
    new_route: NewRoute,
    route: dict[str, object],
    catalog: dict[str, list[Endpoint]],
    expected: dict[str, tuple[Endpoint, ...]],
    noted: int,
) -> None:
    found: dict[str, Sequence[Instance]] = {name: [instance(one) for one in all_] for name, all_ in catalog.items()}
    known = {BLUE: Known((A, B), (A,))}
    servers, notes = desired_servers([new_route(**route)], found.get, lambda backend: known.get(backend, Known()))
    assert servers == expected
    assert len(notes) == noted


@pytest.mark.parametrize(
    ("split", "instances", "names"),
    [
        pytest.param(Split("blue"), {}, {BLUE}, id="users' colour"),
        pytest.param(Split("blue"), {"green": 1}, {BLUE, GREEN}, id="one that is expected to run"),
        pytest.param(Split("green", "blue", 0), {}, {GREEN}, id="a candidate without a share"),
    ],
)
def test_followed_names(new_route: NewRoute, split: Split, instances: dict[str, int], names: set[str]) -> None:
    assert followed_names([new_route(split=split, instances=instances)]) == names
