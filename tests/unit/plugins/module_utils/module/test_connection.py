# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting a module to what its arguments name."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_client import Connection
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.module import connection
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import (
    connect_release,
    consul_connection,
    prefix_of,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import CONSUL_ARGUMENTS
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

CONSUL = {name: option.get("default") for name, option in CONSUL_ARGUMENTS.items()}


def test_defaults_are_those_of_the_connection() -> None:
    assert consul_connection(CONSUL) == Connection()


def test_everything_is_handed_on() -> None:
    given = {
        **CONSUL,
        "consul_addresses": ["https://a:8501", "https://b:8501"],
        "consul_token": "t0p",
        "consul_ca_path": "/ca.pem",
        "consul_client_cert": "/cert.pem",
        "consul_client_key": "/key.pem",
        "consul_datacenter": "dc2",
        "consul_timeout": 3,
    }
    assert consul_connection(given) == Connection(
        addresses=("https://a:8501", "https://b:8501"),
        token="t0p",
        ca_path="/ca.pem",
        client_cert="/cert.pem",
        client_key="/key.pem",
        datacenter="dc2",
        timeout=3.0,
    )


@pytest.mark.parametrize(
    ("token", "content", "expected"),
    [
        pytest.param(None, "of the file\n", "of the file", id="of the file, without its newline"),
        pytest.param("given", "of the file", "given", id="the token itself wins"),
        pytest.param(None, "", None, id="an empty file is no token"),
    ],
)
def test_the_token(tmp_path: Path, token: str | None, content: str, expected: str | None) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    found = consul_connection({**CONSUL, "consul_token": token, "consul_token_file": str(file)})
    assert found.token == expected


def test_a_token_file_that_holds_no_text(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(DeliveryError, match=r"^consul_token_file '.*/token' holds no text: write"):
        consul_connection({**CONSUL, "consul_token_file": str(tmp_path / "token")})


def test_a_token_file_that_cannot_be_read() -> None:
    with pytest.raises(
        DeliveryError, match=r"^consul_token_file '/none' cannot be read \(No such file or directory\): corr"
    ):
        consul_connection({**CONSUL, "consul_token_file": "/none"})


def test_no_address() -> None:
    with pytest.raises(DeliveryError, match=r"^consul_addresses is empty: name at least one"):
        consul_connection({**CONSUL, "consul_addresses": []})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("docker-flow/", "docker-flow/"),
        ("docker-flow", "docker-flow/"),
        ("/a/b/", "a/b/"),
        ("a.b_c-D/1", "a.b_c-D/1/"),
    ],
)
def test_the_prefix_ends_with_one_slash(given: str, expected: str) -> None:
    assert prefix_of({"consul_prefix": given}) == expected


@pytest.mark.parametrize("given", ["", "/", "a b", "a//b", "ä", "a?b", "a\n"])
def test_prefixes_that_are_none(given: str) -> None:
    with pytest.raises(DeliveryError, match=r"^consul_prefix '(.|\n)*' is not valid: use letters, digits"):
        prefix_of({"consul_prefix": given})


def test_a_release_is_connected_without_a_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect_consul", lambda _parameters: (world.consul, world.consul))
    monkeypatch.setattr(connection, "SwarmEngine", lambda *_arguments: world.engine)
    given = {
        **CONSUL,
        "docker_host": "unix:///x",
        "docker_timeout": 30,
        "project": "books-ms",
        "target": "app",
        "exclude_proxies": ["proxy-2"],
    }
    release = connect_release(given)
    assert (release.service, release.prefix, release.run.taken) == (SERVICE, "docker-flow/", None)
    assert list(release.fleet.snapshot()) == ["proxy-1"]
    assert world.consul.written == []
    assert connect_release(given, "shop").service == "shop-app"
    assert connect_release(given | {"target": "web_app", "service_name": "web"}).service == "web"
    world.consul.silent = True
    with pytest.raises(DeliveryError, match="no Consul agent answered"):
        connect_release(given)
