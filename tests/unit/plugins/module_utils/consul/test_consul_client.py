# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking Consul: addresses in order, patience with what passes, and one sentence for what does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul import consul_client
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_client import (
    Connection,
    ConsulClient,
    NotThereError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    RegistryError,
    RegistryUnreachableError,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul_http import ConsulHttp, serving

NO_LEADER = (500, "No cluster leader")
FOUND = (200, [{"Key": "a", "Value": None, "ModifyIndex": 3}], 3)


@pytest.fixture
def consul() -> Iterator[ConsulHttp]:
    with serving() as server:
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two attempts, which take no time."""
    slept: list[float] = []
    monkeypatch.setattr(consul_client.time, "sleep", slept.append)
    return slept


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def client(*addresses: str, **options: Any) -> ConsulClient:
    return ConsulClient(Connection(addresses=addresses, **{"timeout": 5.0, "patience": 5.0, **options}))


def get(asking: ConsulClient) -> Any:
    return asking.call(lambda c: c.kv.get("a"))


def test_the_next_address_is_asked_and_stays_first(consul: ConsulHttp, nobody: str) -> None:
    consul.answer(FOUND)
    asking = client(nobody, consul.address)
    assert get(asking)[1]["ModifyIndex"] == 3
    assert asking._order == [consul.address, nobody]
    asking._client(nobody).http.session.get = None  # asking it again would fail now
    get(asking)


def test_no_address_answers(nobody: str) -> None:
    with pytest.raises(RegistryUnreachableError) as raised:
        get(client(nobody, "http://127.0.0.1:1"))
    assert str(raised.value) == (
        f"consul_addresses: no Consul agent answered at {nobody} (connection refused or reset), http://127.0.0.1:1 "
        f"(connection refused or reset): start Consul there or correct the address"
    )


def test_an_agent_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryUnreachableError, match=r"\(no answer in time\)"):
            get(client(address, timeout=0.1))


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(NO_LEADER, id="no leader"),
        pytest.param((500, "rpc error making call: EOF"), id="a server went away"),
        pytest.param((500, "leadership lost while committing log"), id="a new leader"),
        pytest.param((403, "ACL not found"), id="a token that this agent does not know yet"),
    ],
)
def test_what_passes_is_tried_again(consul: ConsulHttp, pauses: list[float], trouble: tuple[int, str]) -> None:
    consul.answer(trouble, trouble, FOUND)
    assert get(client(consul.address))[1]["Key"] == "a"
    assert pauses == pytest.approx([0.1, 0.2])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(
            NO_LEADER, r"^Consul cannot answer \(500 No cluster leader\): look at its servers", id="no leader"
        ),
        pytest.param((403, "ACL not found"), r"^consul_token: Consul does not know the token", id="wrong token"),
    ],
)
def test_patience_ends(consul: ConsulHttp, pauses: list[float], answer: tuple[int, str], said: str) -> None:
    consul.answer(answer)
    with pytest.raises(RegistryError, match=said):
        get(client(consul.address, patience=0.0))
    assert len(consul.requests) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param((403, "Permission denied"), "^consul_token: Consul refused the token", id="no right"),
        pytest.param(
            (403, "rpc error making call: Permission denied"),
            "^consul_token: Consul refused",
            id="no right, by an agent",
        ),
        pytest.param((401, "ACL support disabled"), "^consul_token: Consul refused", id="no ACL at all"),
        pytest.param(
            (500, "No path to datacenter"),
            "^consul_datacenter 'moon' is unknown to Consul: correct or remove",
            id="datacenter",
        ),
        pytest.param(
            (500, "rpc error making call: No path to datacenter"),
            "^consul_datacenter 'moon'",
            id="datacenter, by an agent",
        ),
        pytest.param((500, 'invalid session "x"'), "^Consul answered 500 invalid session", id="session"),
        pytest.param((500, 'rpc error making call: invalid session "x"'), "invalid session", id="session, by an agent"),
        pytest.param((400, "Missing key name"), "^Consul answered 400 Missing key name", id="bad request"),
        pytest.param((200, "<html>"), "^Consul answered ", id="something that is no Consul"),
    ],
)
def test_what_does_not_pass_is_said_at_once(
    consul: ConsulHttp, pauses: list[float], answer: tuple[int, str], said: str
) -> None:
    consul.answer(answer)
    with pytest.raises(RegistryError, match=said):
        get(client(consul.address, datacenter="moon"))
    assert (len(consul.requests), pauses) == (1, [])


def test_what_must_exist_and_does_not(consul: ConsulHttp) -> None:
    consul.answer((404, "Session id 'x' not found"))
    with pytest.raises(NotThereError):
        client(consul.address).call(lambda c: c.session.renew("x"))


def test_the_token_is_a_header_and_the_environment_has_no_say(
    consul: ConsulHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "of-the-environment")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    consul.answer(FOUND)
    get(client(consul.address, token="t0p-secret", datacenter="dc2"))
    assert consul.last.headers["x-consul-token"] == "t0p-secret"
    assert consul.last.query == {"dc": "dc2"}


def test_secrets_are_not_shown() -> None:
    shown = repr(Connection(token="t0p-secret", client_key="/etc/key.pem"))
    assert "secret" not in shown
    assert "key.pem" not in shown


@pytest.mark.parametrize(
    ("address", "place"),
    [
        pytest.param("http://127.0.0.1:8500", ("127.0.0.1", 8500, "http"), id="whole"),
        pytest.param("https://consul.example", ("consul.example", 8501, "https"), id="https has its own port"),
        pytest.param("consul.example", ("consul.example", 8500, "http"), id="only a name"),
        pytest.param("consul.example:18500", ("consul.example", 18500, "http"), id="name and port"),
        pytest.param("http://[::1]:8500", ("[::1]", 8500, "http"), id="IPv6"),
    ],
)
def test_addresses(address: str, place: tuple[str, int, str]) -> None:
    assert consul_client._place(address) == place


@pytest.mark.parametrize(
    "address", ["", "http://", "http://host:many", "http://host:99999", "ftp://host", "http://[::1"]
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(RegistryError, match=r"^consul_addresses: '.*' is not a URL like http://127\.0\.0\.1:8500"):
        get(client(address))


def test_a_certificate_that_cannot_be_verified() -> None:
    problem = consul_client._short(consul_client.requests.exceptions.SSLError())
    assert problem == "its certificate could not be verified: check consul_ca_path"
