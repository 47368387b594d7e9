# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What should be in effect, from what is written and what was last good."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.store import Entry
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.intent import Written, intend
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.last_good import LastGood
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route

NewRoute = Callable[..., Route]


@pytest.mark.parametrize(
    ("index", "services", "expected", "orphans"),
    [
        pytest.param(11, ["a", "b"], {"a": 2, "b": 2}, set(), id="what is written"),
        pytest.param(11, ["a"], {"a": 2}, set(), id="b was deleted"),
        pytest.param(9, ["a"], {"a": 2, "b": 1}, {"b"}, id="the index went back: b was lost"),
        pytest.param(9, [], {"a": 1, "b": 1}, {"a", "b"}, id="all was lost"),
    ],
)
def test_intend(
    new_route: NewRoute, index: int, services: list[str], expected: dict[str, int], orphans: set[str]
) -> None:
    good = LastGood({name: new_route(name) for name in ("a", "b")}, index=10)
    documents = {name: new_route(name, revision=2).to_json() for name in services}
    intent = intend(Written(index, documents), good)
    assert {name: route.revision for name, route in intent.routes.items()} == expected
    assert intent.good.orphans == orphans
    assert intent.good.index == index
    assert len(intent.notes) == len(orphans)


def test_before_the_first_answer_all_that_was_good_stays(new_route: NewRoute) -> None:
    good = LastGood({"a": new_route("a")}, index=10)
    intent = intend(None, good)
    assert (intent.routes, intent.errors, intent.good) == (good.routes, {}, good)


def test_a_damaged_document_keeps_the_last_good_route(new_route: NewRoute) -> None:
    good = LastGood({"a": new_route("a")}, index=10)
    intent = intend(Written(11, {"a": "{"}), good)
    assert intent.routes == good.routes
    assert "no JSON" in intent.errors["a"]


def test_a_directory_is_no_route() -> None:
    entries = {key: Entry(key, "{}", 3, None) for key in ("p/routes/", "p/routes/a")}
    assert Written.under("p/routes/", 3, entries) == Written(3, {"a": "{}"})
