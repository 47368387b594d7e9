# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.acceptance import accept
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone

NewRoute = Callable[..., Route]


def _documents(*routes: Route) -> dict[str, str]:
    return {route.service: route.to_json() for route in routes}


@pytest.mark.parametrize("known", [pytest.param(True, id="known before"), pytest.param(False, id="new")])
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', "null"])
def test_a_damaged_route_harms_only_itself(new_route: NewRoute, text: str, known: bool) -> None:
    a, b = new_route("a"), new_route("b")
    result = accept({"a": text, **_documents(b)}, {"a": a} if known else {})
    assert result.routes == ({"a": a, "b": b} if known else {"b": b})
    assert list(result.errors) == ["a"]


def test_the_key_and_the_route_name_the_same_service(new_route: NewRoute) -> None:
    result = accept({"a": new_route("b").to_json()}, {})
    assert result.routes == {}
    assert "'b'" in result.errors["a"]


def test_a_path_stays_with_the_service_that_has_it(new_route: NewRoute) -> None:
    owner = new_route("z", paths=("/x",))
    before = new_route("a")
    thief = new_route("a", paths=("/a", "/x"), revision=2)
    result = accept(_documents(owner, thief), {"z": owner, "a": before})
    assert result.routes == {"z": owner, "a": before}
    assert "'*/x/' of 'a' belongs to 'z'" in result.errors["a"]


def test_the_same_claim_by_two_new_services_is_decided_alike_everywhere(new_route: NewRoute) -> None:
    a, b = new_route("a", paths=("/x",)), new_route("b", paths=("/x",))
    for documents in (_documents(a, b), _documents(b, a)):
        assert accept(documents, {}).routes == {"a": a}


def test_a_path_may_move_to_another_service_at_once(new_route: NewRoute) -> None:
    before = {"a": new_route("a", paths=("/a", "/x")), "b": new_route("b")}
    a, b = new_route("a", revision=2), new_route("b", paths=("/b", "/x"), revision=2)
    assert accept(_documents(a, b), before).routes == {"a": a, "b": b}


def test_an_option_from_the_future_is_refused(new_route: NewRoute) -> None:
    document = new_route("a").to_document()
    document["options"]["speed"] = 11
    assert "a" in accept({"a": json.dumps(document)}, {}).errors


def test_a_newer_sound_revision_replaces_the_last_good_one(new_route: NewRoute) -> None:
    old = new_route("a")
    new = dataclasses.replace(old, revision=2, paths=("/other",))
    assert accept(_documents(new), {"a": old}).routes == {"a": new}


@pytest.mark.parametrize(
    ("epoch", "revision", "taken"),
    [
        pytest.param(0, 8, True, id="newer"),
        pytest.param(0, 7, True, id="the same again"),
        pytest.param(0, 6, False, id="history: a Consul that replays its log, or an older backup"),
        pytest.param(1, 2, True, id="somebody goes back on purpose"),
    ],
)
def test_nobody_goes_back_in_history(new_route: NewRoute, epoch: int, revision: int, taken: bool) -> None:
    before = new_route("a", revision=7)
    told = new_route("a", revision=revision, epoch=epoch, split=Split("green"))
    result = accept(_documents(told, new_route("b")), {"a": before})
    assert result.routes["a"] == (told if taken else before)
    assert ("older than 7, which is in effect here and stays" in result.errors.get("a", "")) is not taken
    assert "b" in result.routes


@pytest.mark.parametrize(
    ("epoch", "revision", "taken"),
    [
        pytest.param(0, 8, True, id="newer"),
        pytest.param(0, 6, False, id="history: of an older backup"),
        pytest.param(1, 2, True, id="after somebody went back on purpose"),
    ],
)
def test_a_removal_is_a_version_too(new_route: NewRoute, epoch: int, revision: int, taken: bool) -> None:
    before = new_route("a", revision=7)
    text = Tombstone("a", revision, epoch).to_json()
    result = accept({"a": text, **_documents(new_route("b"))}, {"a": before})
    assert result.removed == ({"a": revision} if taken else {})
    assert result.routes.get("a") == (None if taken else before)
    assert ("removed by revision 6, older than 7" in result.errors.get("a", "")) is not taken
    assert "b" in result.routes


def test_what_a_removed_route_had_is_free_at_once(new_route: NewRoute) -> None:
    before, heir = new_route("a", revision=7), new_route("b", paths=new_route("a").paths)
    assert accept({"a": Tombstone("a", 8).to_json(), **_documents(heir)}, {"a": before}).routes == {"b": heir}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('{"removed": true, "service": "a"}', "is damaged", id="damaged"),
        pytest.param(Tombstone("b", 9).to_json(), "holds the route of 'b'", id="of another service"),
    ],
)
def test_a_removal_that_is_not_sound_removes_nothing(new_route: NewRoute, text: str, said: str) -> None:
    before = {"a": new_route("a"), "b": new_route("b")}
    result = accept({"a": text, **_documents(before["b"])}, before)
    assert (result.routes, result.removed) == (before, {})
    assert said in result.errors["a"]


def test_a_route_that_consul_lost_stays_where_that_harms_no_other(new_route: NewRoute) -> None:
    before = {"a": new_route("a"), "b": new_route("b", paths=("/x",))}
    other = new_route("c", paths=("/x",))
    result = accept(_documents(other), before, ["a", "b"])
    assert result.routes == {"c": other, "a": before["a"]}
    assert result.errors == {}
