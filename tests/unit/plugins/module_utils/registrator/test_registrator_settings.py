# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options by command line and environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrator_settings import settings

IP = ["--ip", "10.0.0.1"]


def test_defaults() -> None:
    given = settings(["--node", "n", *IP], {})
    assert (given.node.name, given.node.address, given.node.family, given.node.swarm_names) == (
        "n",
        "10.0.0.1",
        4,
        False,
    )
    assert (given.docker_host, given.consul_address) == ("unix:///var/run/docker.sock", "http://127.0.0.1:8500")
    assert (given.resync, given.grace, given.once, given.dry_run, given.deregister_on_exit) == (
        10,
        30,
        False,
        False,
        False,
    )


def test_environment_and_command_line() -> None:
    environment = {
        "REGISTRATOR_NODE": "n",
        "REGISTRATOR_IP": "2001:db8::1",
        "REGISTRATOR_RESYNC": "2.5",
        "REGISTRATOR_SWARM_NAMES": "true",
        "DOCKER_HOST": "tcp://10.0.0.9:2375",
    }
    given = settings(["--resync", "3", "--docker-host", "unix:///d"], environment)
    assert (given.node.name, given.node.family, given.node.swarm_names) == ("n", 6, True)
    assert (given.resync, given.docker_host) == (3.0, "unix:///d")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "--ip '' is not an IP address", id="no address"),
        pytest.param(["--ip", "node-1"], "--ip 'node-1' is not an IP address", id="a name is no address"),
        pytest.param([*IP, "--node", ""], "--node is empty", id="no node"),
        pytest.param([*IP, "--resync", "0"], "--resync 0 is not a time", id="no time"),
        pytest.param([*IP, "--meta", "a.b"], "--meta 'a.b' is no valid Meta key", id="no Meta key"),
        pytest.param([*IP, "--meta", "x,Owner"], "--meta 'owner' is a mark of the registrator", id="a mark of ours"),
        pytest.param([*IP, "--resync", "soon"], "invalid float value", id="not a number"),
        pytest.param([*IP, "--consul-token", "x"], "unrecognized arguments", id="no token on the command line"),
    ],
)
def test_bad_options(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        settings(arguments, {})
    assert message in capsys.readouterr().err


def test_token_is_read_from_its_file_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    given = settings([*IP, "--consul-token-file", str(file)], {"CONSUL_HTTP_TOKEN": "from-environment"})
    with pytest.raises(DeliveryError, match="consul_token_file"):
        given.connection()
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        assert given.connection().token == token


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\xff\xfe1\x002\x00", "holds no token", id="UTF-16"),
        pytest.param(bytes(range(128, 160)), "holds no token", id="binary"),
        pytest.param("clé".encode(), "holds no token", id="not ASCII"),
        pytest.param(b"one\ntwo\n", "holds more than a token", id="two lines"),
        pytest.param(b"token: one\n", "holds more than a token", id="YAML"),
        pytest.param(b"one\x00", "holds more than a token", id="a zero byte"),
    ],
)
def test_token_file_that_holds_none(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(DeliveryError, match=f"consul_token_file '{file}' {message}"):
        settings([*IP, "--consul-token-file", str(file)], {}).connection()


def test_meta_is_asked_for_by_name() -> None:
    assert settings(IP, {"REGISTRATOR_META": "Version, team,"}).node.meta_keys == {"version", "team"}
    assert settings(IP, {}).node.meta_keys == frozenset()


def test_token_does_not_show() -> None:
    given = settings(IP, {"CONSUL_HTTP_TOKEN": "s3cret"})
    assert given.connection().token == "s3cret"
    assert "s3cret" not in repr(given) + repr(given.connection())
