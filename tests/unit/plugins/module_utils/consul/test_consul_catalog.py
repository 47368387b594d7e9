# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: what goes over the wire, and how answers are read. Real Consul is the integration tests' part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_catalog import ConsulCatalog
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_client import Connection, ConsulClient
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import RegistryError
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul_http import ConsulHttp, serving


@pytest.fixture
def consul() -> Iterator[ConsulHttp]:
    with serving() as server:
        yield server


@pytest.fixture
def catalog(consul: ConsulHttp) -> ConsulCatalog:
    connection = Connection(addresses=(consul.address,), token="t0p", datacenter="dc1", timeout=5.0, patience=0.0)
    return ConsulCatalog(ConsulClient(connection))


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
    consul: ConsulHttp, catalog: ConsulCatalog, checks: list[tuple[str, str]], alive: bool, passing: bool
) -> None:
    consul.answer((200, [health(*checks)], 12))
    index, (found,) = catalog.instances("books-ms-app-blue", index=11, wait=0.5)
    assert (index, consul.last.query["index"], consul.last.query["wait"]) == (12, "11", "500ms")
    assert "passing" not in consul.last.query  # we judge ourselves
    assert (consul.last.path, "consistent" in consul.last.query) == ("/v1/health/service/books-ms-app-blue", True)
    assert (consul.last.query["dc"], consul.last.headers["x-consul-token"]) == ("dc1", "t0p")
    assert (found.node_alive, found.passing) == (alive, passing)
    assert (found.id, found.address, found.port, found.node) == ("i1", "192.0.2.9", 32768, "node-1")
    assert (found.meta, found.tags) == ({"a": "b"}, ("v2",))


def test_an_instance_without_an_address_is_on_its_node(consul: ConsulHttp, catalog: ConsulCatalog) -> None:
    consul.answer((200, [health(Address="", Meta=None, Tags=None)]))
    _index, (found,) = catalog.instances("a")
    assert (found.address, found.meta, found.tags) == ("192.0.2.1", {}, ())


def test_registering_replaces_the_checks(consul: ConsulHttp, catalog: ConsulCatalog) -> None:
    consul.answer((200, ""))
    catalog.register({"ID": "i1", "Name": "a"})
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
def test_deregistering_what_is_gone_is_fine(consul: ConsulHttp, catalog: ConsulCatalog, answer: Any) -> None:
    consul.answer(answer)
    catalog.deregister("i1")


def test_deregistering_that_is_refused_is_not_fine(consul: ConsulHttp, catalog: ConsulCatalog) -> None:
    consul.answer((403, "Permission denied"))
    with pytest.raises(RegistryError, match="consul_token"):
        catalog.deregister("i1")


def test_a_clone_has_its_own_clients(catalog: ConsulCatalog) -> None:
    clone = catalog.clone()
    assert clone._client is not catalog._client
    assert clone._client.connection == catalog._client.connection
