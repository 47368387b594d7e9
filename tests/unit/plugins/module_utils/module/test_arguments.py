# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the modules meet Ansible: connections, and how a module ends."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.registry import Connection
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.module import arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.arguments import (
    CONSUL_ARGUMENTS,
    connect_registry,
    connect_release,
    default_owner,
    prefix_of,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

CONSUL = {name: option.get("default") for name, option in CONSUL_ARGUMENTS.items()}


# -- connecting --------------------------------------------------------------------------------------------------------


def test_defaults_are_those_of_the_connection() -> None:
    assert connect_registry(CONSUL).connection == Connection()


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
    assert connect_registry(given).connection == Connection(
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
    found = connect_registry({**CONSUL, "consul_token": token, "consul_token_file": str(file)})
    assert found.connection.token == expected


def test_a_token_file_that_cannot_be_read() -> None:
    with pytest.raises(
        DeliveryError, match=r"^consul_token_file '/none' cannot be read \(No such file or directory\): corr"
    ):
        connect_registry({**CONSUL, "consul_token_file": "/none"})


def test_no_address() -> None:
    with pytest.raises(DeliveryError, match=r"^consul_addresses is empty: name at least one"):
        connect_registry({**CONSUL, "consul_addresses": []})


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
    monkeypatch.setattr(arguments, "Registry", lambda _connection: world.consul)
    given = {
        **CONSUL,
        "docker_host": "unix:///x",
        "docker_timeout": 30,
        "project": "books-ms",
        "target": "app",
        "exclude_proxies": ["proxy-2"],
    }
    release = connect_release(given)
    assert (release.service, release.prefix, release.lock) == (SERVICE, "docker-flow/", None)
    assert list(release.fleet.snapshot()) == ["proxy-1"]
    assert world.consul.written == []
    assert connect_release(given, "shop").service == "shop-app"
    world.consul.silent = True
    with pytest.raises(DeliveryError, match="no Consul agent answered"):
        connect_release(given)


def test_progress_goes_to_its_file(tmp_path: Path) -> None:
    write = arguments._progress_writer(str(tmp_path / "progress"))
    write("one")
    write("two")
    assert (tmp_path / "progress").read_text(encoding="utf-8") == "one\ntwo\n"


@pytest.mark.parametrize("path", [None, "/none/progress"])
def test_progress_that_cannot_be_written_stops_nothing(path: str | None) -> None:
    arguments._progress_writer(path)("one")


def test_the_owner_is_who_called_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    assert default_owner().startswith("ann@")


class EndedError(Exception):
    """What C(exit_json) and C(fail_json) do to a module."""


def ending(**parameters: Any) -> tuple[Any, dict[str, Any]]:
    said: dict[str, Any] = {}

    def end(failed: bool, **result: Any) -> None:
        said.update(result, failed=failed)
        raise EndedError

    fake = SimpleNamespace(
        params=parameters,
        exit_json=lambda **result: end(False, **result),
        fail_json=lambda **result: end(True, **result),
    )
    return fake, said


def test_success() -> None:
    fake, said = ending()
    with pytest.raises(EndedError):
        arguments.finish(fake, lambda: {"changed": True})
    assert said == {"changed": True, "failed": False}


def test_the_next_stage_gets_the_run() -> None:
    fake, said = ending(keep_run=True, run="r1")
    with pytest.raises(EndedError):
        arguments.finish(fake, lambda: {"changed": True})
    assert said["run"] == "r1"


def test_a_failure_tells_what_was_achieved(tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    progress.write_text("waiting\n", encoding="utf-8")
    fake, said = ending(progress_file=str(progress))

    def body() -> dict[str, Any]:
        raise DeliveryError("no", mixed=True)

    with pytest.raises(EndedError):
        arguments.finish(fake, body)
    assert json.loads(json.dumps(said)) == {"msg": "no", "changed": False, "mixed": True, "failed": True}
    assert not progress.exists()
