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
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone

NewRoute = Callable[..., Route]


@pytest.mark.parametrize(
    ("written", "removed", "expected", "lost"),
    [
        pytest.param(["a", "b"], [], {"a": 2, "b": 2}, set(), id="what is written"),
        pytest.param(["a"], ["b"], {"a": 2}, set(), id="b was removed"),
        pytest.param(["a"], ["c"], {"a": 2, "b": 1}, {"b"}, id="b was lost, c was removed and never known here"),
        pytest.param([], [], {"a": 1, "b": 1}, {"a", "b"}, id="all was lost"),
    ],
)
@pytest.mark.parametrize("index", [pytest.param(1, id="low index"), pytest.param(9000, id="high index")])
def test_intend(
    new_route: NewRoute, index: int, written: list[str], removed: list[str], expected: dict[str, int], lost: set[str]
) -> None:
    """No index says anything about it: a new Consul's may be lower or higher than the old one's."""
    good = LastGood({name: new_route(name) for name in ("a", "b")})
    documents = {name: new_route(name, revision=2).to_json() for name in written}
    documents |= {name: Tombstone(name, 2).to_json() for name in removed}
    intent = intend(Written(index, documents), good)
    assert {name: route.revision for name, route in intent.routes.items()} == expected
    assert (intent.good, intent.lost, intent.removed) == (good, lost, dict.fromkeys(removed, 2))
    assert len(intent.notes) == len(lost)


def test_a_lost_route_that_gives_way_to_another_is_not_told_as_kept(new_route: NewRoute) -> None:
    good = LastGood({"a": new_route("a", paths=("/x",))})
    intent = intend(Written(1, {"b": new_route("b", paths=("/x",)).to_json()}), good)
    assert (list(intent.routes), intent.lost, intent.notes) == (["b"], set(), [])


def test_before_the_first_answer_all_that_was_good_stays(new_route: NewRoute) -> None:
    good = LastGood({"a": new_route("a")})
    intent = intend(None, good)
    assert (intent.routes, intent.errors, intent.good) == (good.routes, {}, good)


def test_a_damaged_document_keeps_the_last_good_route(new_route: NewRoute) -> None:
    good = LastGood({"a": new_route("a")})
    intent = intend(Written(11, {"a": "{"}), good)
    assert intent.routes == good.routes
    assert "no JSON" in intent.errors["a"]


def test_a_directory_is_no_route() -> None:
    entries = {key: Entry(key, "{}", 3, None) for key in ("p/routes/", "p/routes/a")}
    assert Written.under("p/routes/", 3, entries) == Written(3, {"a": "{}"})
