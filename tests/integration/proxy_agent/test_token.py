# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Consul that asks for tokens: the agent needs few rights, and its token shows nowhere. Budget: 30 s."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.consul_container import (
    ADDRESS,
    ConsulContainer,
    docker,
)
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import ProxyContainers
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.service import Service

ROOT_TOKEN = str(uuid.uuid4())
RIGHTS = """
key_prefix "docker-flow/routes/" { policy = "read" }
key_prefix "docker-flow/proxies/" { policy = "write" }
session_prefix "" { policy = "write" }
service_prefix "" { policy = "read" }
node_prefix "" { policy = "read" }
"""


@pytest.fixture(scope="module")
def strict_consul(images: None) -> Iterator[ConsulContainer]:
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": ROOT_TOKEN}}
    server = ConsulContainer({"acl": acl}, ROOT_TOKEN)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def strict_proxy(strict_consul: ConsulContainer, tmp_path: Path) -> Iterator[ProxyContainers]:
    made = ProxyContainers(tmp_path, strict_consul.store, strict_consul.catalog)
    yield made
    made.remove()


def test_the_agent_needs_few_rights_and_its_token_shows_nowhere(strict_proxy: ProxyContainers) -> None:
    proxy = strict_proxy
    _ask("acl/policy", {"Name": "proxy", "Rules": RIGHTS})
    token: str = _ask("acl/token", {"Policies": [{"Name": "proxy"}]})["SecretID"]
    proxy.configure(consul={"addresses": [ADDRESS], **proxy.write_token(token)})
    proxy.start()
    service = Service(proxy)
    try:
        service.run("blue")
        service.run("green")
        service.reconfigure(instances={"blue": 1, "green": 1})
        service.up("green", 1)
        service.flip("green")
        assert service.get()[1] == "green"
    finally:
        service.remove()
    for program in ("agent", "haproxy"):
        assert token not in proxy.log(program)
        assert token not in docker("inspect", f"{proxy.id}-{program}")
    assert proxy.haproxy.mentions(token) == []


def test_a_wrong_token_is_said_and_served_without(strict_proxy: ProxyContainers) -> None:
    proxy = strict_proxy
    token = str(uuid.uuid4())
    proxy.configure(consul={"addresses": [ADDRESS], **proxy.write_token(token)})
    proxy.begin_unready()
    proxy.eventually(lambda: "HAProxy starts without any route" in proxy.log("haproxy"), "HAProxy starts", timeout=30)
    proxy.eventually(lambda: "ACL not found" in proxy.log("agent"), "the agent says why")
    proxy.eventually(lambda: _status(proxy) == 404, "HAProxy listens, and knows no route")
    assert token not in proxy.log("agent") + proxy.log("haproxy")


def _status(proxy: ProxyContainers) -> int | None:
    """What the front door answers; None while nothing listens yet."""
    try:
        return proxy.get("/")[0]
    except ConnectionError:
        return None


def _ask(path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(f"{ADDRESS}/v1/{path}", data=json.dumps(body).encode(), method="PUT")
    request.add_header("X-Consul-Token", ROOT_TOKEN)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())
