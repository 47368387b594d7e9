# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and sessions: what goes over the wire, and how answers are read. Real Consul is the integration tests' part."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul import consul_client
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_client import Connection, ConsulClient
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_store import ConsulStore
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import RegistryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.store import Entry
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul_http import ConsulHttp, serving


@pytest.fixture
def consul() -> Iterator[ConsulHttp]:
    with serving() as server:
        yield server


@pytest.fixture
def store(consul: ConsulHttp) -> ConsulStore:
    connection = Connection(addresses=(consul.address,), token="t0p", datacenter="dc1", timeout=5.0, patience=0.0)
    return ConsulStore(ConsulClient(connection))


def item(key: str, value: str | None, index: int = 7, **more: Any) -> dict[str, Any]:
    encoded = base64.b64encode(value.encode()).decode() if value is not None else None
    return {"Key": key, "Value": encoded, "ModifyIndex": index, **more}


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_key_is_read_consistently(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((200, [item("a/b", "text", Session="s1")]))
    assert store.get("a/b") == Entry("a/b", "text", 7, "s1")
    assert consul.last.path == "/v1/kv/a/b"
    assert "consistent" in consul.last.query


def test_a_key_that_is_not_there(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((404, ""))
    assert store.get("a") is None
    assert store.entries("a/") == {}


def test_an_empty_value(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((200, [item("a", None)]))
    assert store.get("a") == Entry("a", "", 7, None)


def test_all_keys_under_a_prefix(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((200, [item("p/a", "1", 3), item("p/b", "2", 4)]))
    assert list(store.entries("p/")) == ["p/a", "p/b"]
    assert "recurse" in consul.last.query


@pytest.mark.parametrize(
    ("before", "found", "expected"),
    [
        pytest.param(0, 9, 9, id="first look"),
        pytest.param(5, 9, 9, id="something changed"),
        pytest.param(9, 9, 9, id="nothing changed"),
        pytest.param(9, 5, 0, id="the index went back: start over"),
    ],
)
def test_watching(consul: ConsulHttp, store: ConsulStore, before: int, found: int, expected: int) -> None:
    consul.answer((200, [item("p/a", "1")], found))
    index, entries = store.watch("p/", before, 0.25)
    assert (index, list(entries)) == (expected, ["p/a"])
    assert consul.last.query.get("index") == (str(before) if before else None)
    assert before == 0 or consul.last.query["wait"] == "250ms"
    assert "consistent" in consul.last.query  # else a server that replays its log tells old stories


@pytest.mark.parametrize(("text", "said"), [("{", "does not hold valid JSON"), ("[]", "holds no JSON object")])
def test_what_is_no_json_object_names_its_key(text: str, said: str) -> None:
    with pytest.raises(RegistryError, match=f"^Consul key 'a/b' {said}: repair or delete it"):
        Entry("a/b", text, 1, None).json()


@pytest.mark.parametrize(("answer", "written"), [(True, True), (False, False)])
def test_compare_and_set(consul: ConsulHttp, store: ConsulStore, answer: bool, written: bool) -> None:
    consul.answer((200, answer))
    assert store.put("a", "text", cas=7) is written
    assert (consul.last.method, consul.last.query["cas"], consul.last.body) == ("PUT", "7", "text")


def test_a_write_whose_answer_was_lost_counts_if_it_was_done(
    consul: ConsulHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consul_client.time, "sleep", lambda _seconds: None)
    store = ConsulStore(ConsulClient(Connection(addresses=(consul.address,), timeout=5.0, patience=5.0)))
    consul.answer((500, "rpc error making call: EOF"), (200, False), (200, [item("a", "text")]))
    assert store.put("a", "text", cas=7)
    consul.answer((500, "rpc error making call: EOF"), (200, False), (200, [item("a", "theirs")]))
    assert not store.put("a", "text", cas=7)


def test_the_fence_is_checked_in_the_same_transaction(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((200, {"Results": []}))
    assert store.put_if_held("routes/a", "text", 7, "locks/a", "s1")
    assert (consul.last.method, consul.last.path, consul.last.query) == ("PUT", "/v1/txn", {"dc": "dc1"})
    assert consul.last.headers["x-consul-token"] == "t0p"
    assert json.loads(consul.last.body) == [
        {"KV": {"Verb": "check-session", "Key": "locks/a", "Session": "s1"}},
        {"KV": {"Verb": "cas", "Key": "routes/a", "Value": base64.b64encode(b"text").decode(), "Index": 7}},
    ]


@pytest.mark.parametrize(("now", "written"), [("theirs", False), ("text", True)])
def test_a_refused_transaction_wrote_nothing(consul: ConsulHttp, store: ConsulStore, now: str, written: bool) -> None:
    refused = {"Errors": [{"OpIndex": 0, "What": "failed to check session lock"}]}
    consul.answer((409, refused), (200, [item("routes/a", now)]))
    assert store.put_if_held("routes/a", "text", 7, "locks/a", "s1") is written


@pytest.mark.parametrize(
    ("answers", "gone"),
    [
        pytest.param([(200, {})], True, id="done"),
        pytest.param([(409, {}), (200, [item("routes/a", "theirs")])], False, id="refused"),
        pytest.param([(409, {}), (404, "")], True, id="refused, because it is gone"),
    ],
)
def test_fenced_deletion(consul: ConsulHttp, store: ConsulStore, answers: Any, gone: bool) -> None:
    consul.answer(*answers)
    assert store.delete_if_held("routes/a", 7, "locks/a", "s1") is gone
    assert json.loads(consul.requests[0].body)[1] == {"KV": {"Verb": "delete-cas", "Key": "routes/a", "Index": 7}}


def test_locks(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((200, True))
    assert store.acquire("locks/a", "me", "s1")
    assert consul.last.query["acquire"] == "s1"
    assert store.release("locks/a", "me", "s1")
    assert consul.last.query["release"] == "s1"


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_lives_by_its_ttl_alone(consul: ConsulHttp, store: ConsulStore) -> None:
    consul.answer((200, {"ID": "s1"}))
    assert store.create_session("run", 30, 1) == "s1"
    body = {name.lower(): value for name, value in json.loads(consul.last.body).items()}
    assert (body["ttl"], body["lockdelay"], body.get("behavior", "release")) == ("30s", "1s", "release")
    assert body["checks"] == []  # no serfHealth: a manager that is busy must not lose its lock
    store.create_session("proxy", 10, 0, behavior="delete")
    body = {name.lower(): value for name, value in json.loads(consul.last.body).items()}
    assert (body["lockdelay"], body["behavior"]) == ("0s", "delete")


@pytest.mark.parametrize(
    ("answer", "alive"),
    [pytest.param((200, [{"ID": "s1"}]), True, id="alive"), pytest.param((404, "not found"), False, id="gone")],
)
def test_renewing(consul: ConsulHttp, store: ConsulStore, answer: Any, alive: bool) -> None:
    consul.answer(answer)
    assert store.renew_session("s1") is alive


@pytest.mark.parametrize(("answer", "exists"), [((200, [{"ID": "s1"}]), True), ((200, []), False)])
def test_session_exists(consul: ConsulHttp, store: ConsulStore, answer: Any, exists: bool) -> None:
    consul.answer(answer)
    assert store.session_exists("s1") is exists
