# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry port: what goes over the wire, and how answers are read. Real Consul is the integration tests' part."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul import consul_client
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.registry import Connection, Entry, Registry
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import RegistryError
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul_http import ConsulHttp, serving


@pytest.fixture
def consul() -> Iterator[ConsulHttp]:
    with serving() as server:
        yield server


@pytest.fixture
def registry(consul: ConsulHttp) -> Registry:
    return Registry(Connection(addresses=(consul.address,), token="t0p", datacenter="dc1", timeout=5.0, patience=0.0))


def item(key: str, value: str | None, index: int = 7, **more: Any) -> dict[str, Any]:
    encoded = base64.b64encode(value.encode()).decode() if value is not None else None
    return {"Key": key, "Value": encoded, "ModifyIndex": index, **more}


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_key_is_read_consistently(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, [item("a/b", "text", Session="s1")]))
    assert registry.get("a/b") == Entry("a/b", "text", 7, "s1")
    assert consul.last.path == "/v1/kv/a/b"
    assert "consistent" in consul.last.query


def test_a_key_that_is_not_there(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((404, ""))
    assert registry.get("a") is None
    assert registry.entries("a/") == {}


def test_an_empty_value(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, [item("a", None)]))
    assert registry.get("a") == Entry("a", "", 7, None)


def test_all_keys_under_a_prefix(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, [item("p/a", "1", 3), item("p/b", "2", 4)]))
    assert list(registry.entries("p/")) == ["p/a", "p/b"]
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
def test_watching(consul: ConsulHttp, registry: Registry, before: int, found: int, expected: int) -> None:
    consul.answer((200, [item("p/a", "1")], found))
    index, entries = registry.watch("p/", before, 0.25)
    assert (index, list(entries)) == (expected, ["p/a"])
    assert consul.last.query.get("index") == (str(before) if before else None)
    assert before == 0 or consul.last.query["wait"] == "250ms"


@pytest.mark.parametrize(("text", "said"), [("{", "does not hold valid JSON"), ("[]", "holds no JSON object")])
def test_what_is_no_json_object_names_its_key(text: str, said: str) -> None:
    with pytest.raises(RegistryError, match=f"^Consul key 'a/b' {said}: repair or delete it"):
        Entry("a/b", text, 1, None).json()


@pytest.mark.parametrize(("answer", "written"), [(True, True), (False, False)])
def test_compare_and_set(consul: ConsulHttp, registry: Registry, answer: bool, written: bool) -> None:
    consul.answer((200, answer))
    assert registry.put("a", "text", cas=7) is written
    assert (consul.last.method, consul.last.query["cas"], consul.last.body) == ("PUT", "7", "text")


def test_a_write_whose_answer_was_lost_counts_if_it_was_done(
    consul: ConsulHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consul_client.time, "sleep", lambda _seconds: None)
    registry = Registry(Connection(addresses=(consul.address,), timeout=5.0, patience=5.0))
    consul.answer((500, "rpc error making call: EOF"), (200, False), (200, [item("a", "text")]))
    assert registry.put("a", "text", cas=7)
    consul.answer((500, "rpc error making call: EOF"), (200, False), (200, [item("a", "theirs")]))
    assert not registry.put("a", "text", cas=7)


def test_the_fence_is_checked_in_the_same_transaction(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, {"Results": []}))
    assert registry.put_if_held("routes/a", "text", 7, "locks/a", "s1")
    assert (consul.last.method, consul.last.path, consul.last.query) == ("PUT", "/v1/txn", {"dc": "dc1"})
    assert consul.last.headers["x-consul-token"] == "t0p"
    assert json.loads(consul.last.body) == [
        {"KV": {"Verb": "check-session", "Key": "locks/a", "Session": "s1"}},
        {"KV": {"Verb": "cas", "Key": "routes/a", "Value": base64.b64encode(b"text").decode(), "Index": 7}},
    ]


@pytest.mark.parametrize(("now", "written"), [("theirs", False), ("text", True)])
def test_a_refused_transaction_wrote_nothing(consul: ConsulHttp, registry: Registry, now: str, written: bool) -> None:
    refused = {"Errors": [{"OpIndex": 0, "What": "failed to check session lock"}]}
    consul.answer((409, refused), (200, [item("routes/a", now)]))
    assert registry.put_if_held("routes/a", "text", 7, "locks/a", "s1") is written


@pytest.mark.parametrize(
    ("answers", "gone"),
    [
        pytest.param([(200, {})], True, id="done"),
        pytest.param([(409, {}), (200, [item("routes/a", "theirs")])], False, id="refused"),
        pytest.param([(409, {}), (404, "")], True, id="refused, because it is gone"),
    ],
)
def test_fenced_deletion(consul: ConsulHttp, registry: Registry, answers: Any, gone: bool) -> None:
    consul.answer(*answers)
    assert registry.delete_if_held("routes/a", 7, "locks/a", "s1") is gone
    assert json.loads(consul.requests[0].body)[1] == {"KV": {"Verb": "delete-cas", "Key": "routes/a", "Index": 7}}


def test_a_prefix_to_delete_ends_with_a_slash(consul: ConsulHttp, registry: Registry) -> None:
    with pytest.raises(ValueError, match="ends with '/'"):
        registry.delete_prefix("routes")
    consul.answer((200, True))
    registry.delete_prefix("routes/")
    assert (consul.last.method, consul.last.path) == ("DELETE", "/v1/kv/routes/")


def test_locks(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, True))
    assert registry.acquire("locks/a", "me", "s1")
    assert consul.last.query["acquire"] == "s1"
    assert registry.release("locks/a", "me", "s1")
    assert consul.last.query["release"] == "s1"


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_lives_by_its_ttl_alone(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, {"ID": "s1"}))
    assert registry.create_session("run", 30, 1) == "s1"
    body = {name.lower(): value for name, value in json.loads(consul.last.body).items()}
    assert (body["ttl"], body["lockdelay"], body.get("behavior", "release")) == ("30s", "1s", "release")
    assert body["checks"] == []  # no serfHealth: a manager that is busy must not lose its lock
    registry.create_session("proxy", 10, 0, behavior="delete")
    body = {name.lower(): value for name, value in json.loads(consul.last.body).items()}
    assert (body["lockdelay"], body["behavior"]) == ("0s", "delete")


@pytest.mark.parametrize(
    ("answer", "alive"),
    [pytest.param((200, [{"ID": "s1"}]), True, id="alive"), pytest.param((404, "not found"), False, id="gone")],
)
def test_renewing(consul: ConsulHttp, registry: Registry, answer: Any, alive: bool) -> None:
    consul.answer(answer)
    assert registry.renew_session("s1") is alive


@pytest.mark.parametrize(("answer", "exists"), [((200, [{"ID": "s1"}]), True), ((200, []), False)])
def test_session_exists(consul: ConsulHttp, registry: Registry, answer: Any, exists: bool) -> None:
    consul.answer(answer)
    assert registry.session_exists("s1") is exists


# -- services ----------------------------------------------------------------------------------------------------------


def health(*checks: tuple[str, str], **service: Any) -> dict[str, Any]:
    return {
        "Node": {"Node": "node-1", "Address": "192.0.2.1"},
        "Service": {"ID": "i1", "Address": "192.0.2.9", "Port": 32768, "Meta": {"a": "b"}, "Tags": ["v2"], **service},
        "Checks": [{"CheckID": name, "Status": status} for name, status in checks],
    }


@pytest.mark.parametrize(
    ("checks", "alive", "passing"),
    [
        pytest.param([], True, True, id="no check at all"),
        pytest.param([("serfHealth", "passing"), ("service:i1", "passing")], True, True, id="well"),
        pytest.param(
            [("serfHealth", "critical"), ("service:i1", "passing")], False, True, id="its node does not answer"
        ),
        pytest.param([("serfHealth", "passing"), ("service:i1", "critical")], True, False, id="it is not well"),
        pytest.param([("_node_maintenance", "critical")], True, False, id="maintenance"),
        pytest.param([("service:i1", "warning")], True, True, id="a warning passes"),
    ],
)
def test_instances(
    consul: ConsulHttp, registry: Registry, checks: list[tuple[str, str]], alive: bool, passing: bool
) -> None:
    consul.answer((200, [health(*checks)], 12))
    index, (found,) = registry.instances("books-ms-app-blue", index=11, wait=0.5)
    assert (index, consul.last.query["index"], consul.last.query["wait"]) == (12, "11", "500ms")
    assert "passing" not in consul.last.query  # we judge ourselves
    assert (found.node_alive, found.passing) == (alive, passing)
    assert (found.id, found.address, found.port, found.node) == ("i1", "192.0.2.9", 32768, "node-1")
    assert (found.meta, found.tags) == ({"a": "b"}, ("v2",))


def test_an_instance_without_an_address_is_on_its_node(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, [health(Address="", Meta=None, Tags=None)]))
    _index, (found,) = registry.instances("a")
    assert (found.address, found.meta, found.tags) == ("192.0.2.1", {}, ())


def test_registering_replaces_the_checks(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((200, ""))
    registry.register({"ID": "i1", "Name": "a"})
    assert consul.last.path == "/v1/agent/service/register"
    assert consul.last.query == {"replace-existing-checks": "true"}
    assert (consul.last.headers["x-consul-token"], json.loads(consul.last.body)["ID"]) == ("t0p", "i1")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((200, ""), id="removed"),
        pytest.param((404, "Unknown service"), id="gone, in a newer Consul"),
        pytest.param((500, 'Unknown service "i1"'), id="gone, in an older Consul"),
    ],
)
def test_deregistering_what_is_gone_is_fine(consul: ConsulHttp, registry: Registry, answer: Any) -> None:
    consul.answer(answer)
    registry.deregister("i1")


def test_deregistering_that_is_refused_is_not_fine(consul: ConsulHttp, registry: Registry) -> None:
    consul.answer((403, "Permission denied"))
    with pytest.raises(RegistryError, match="consul_token"):
        registry.deregister("i1")


def test_a_clone_has_its_own_clients(registry: Registry) -> None:
    assert registry.clone().connection == registry.connection
    assert registry.clone()._clients is not registry._clients
