# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role: dry run, run, second run; a new token; another registrator instead."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.playbook import Playbook, PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import IP
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import (
    IMAGE,
    TestContainers,
    docker,
    inspect,
    port,
)
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

NAME = "rg-role"
ROLE = "tests/integration/registrator/role.yml"


@pytest.fixture
def variables(consul: ConsulServer, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Variables of the role for a container of this test alone."""
    yield {
        "registrator_container": NAME,
        "registrator_directory": str(tmp_path / "registrator"),
        "registrator_consul_address": consul.address,
        "registrator_address": IP,
        "registrator_node_name": NAME,
    }
    subprocess.run(["docker", "rm", "--force", NAME], capture_output=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def another_registrator(images: None) -> Iterator[str]:
    """An image in the place of gliderlabs/registrator: it only shows how it is started."""
    name = "rg-external:1"
    dockerfile = f'FROM {IMAGE}\nENTRYPOINT ["sh", "-c", "exec sleep 3600", "registrator"]\n'
    subprocess.run(["docker", "build", "--tag", name, "-"], input=dockerfile.encode(), check=True, timeout=120)
    yield name
    subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, timeout=60, check=False)


def play(variables: dict[str, Any], *, check: bool = False, **more: Any) -> PlaybookResult:
    """Run the role with these variables."""
    return Playbook(ROLE, {**variables, **more}, check=check, diff=True).run()


def test_dry_run_run_second_run_and_another_token(
    variables: dict[str, Any], consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080")
    variables["registrator_consul_token"] = "s3cret-one"
    foretold = play(variables, check=True)
    assert foretold.succeeded, foretold
    assert not docker("ps", "--all", "--quiet", "--filter", f"name={NAME}")
    first = play(variables)
    assert first.succeeded, first
    assert [task.name for task in first.changed] == [task.name for task in foretold.changed]
    eventually(lambda: consul.addresses(service) == {(IP, port(container))}, "registered")
    file = Path(variables["registrator_directory"]) / "token"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("s3cret-one\n", 0o600)

    again = play(variables)
    assert again.succeeded, again
    assert again.changed == []

    before = inspect(NAME)["Id"]
    replaced = play(variables, registrator_consul_token="s3cret-two")
    assert replaced.succeeded, replaced
    assert file.read_text() == "s3cret-two\n"
    assert inspect(NAME)["Id"] == before, "a new token needs no restart"
    runs = (foretold, first, again, replaced)
    assert "s3cret" not in str(inspect(NAME)) + "".join(run.stdout + run.stderr for run in runs)


def test_another_registrator_instead(
    variables: dict[str, Any],
    consul: ConsulServer,
    containers: TestContainers,
    service: str,
    another_registrator: str,
) -> None:
    containers.run("--publish=8080")
    assert play(variables).succeeded
    eventually(lambda: consul.services(service), "registered")
    external = {"registrator_provider": "external", "registrator_external_image": another_registrator}
    changed = play(variables, **external)
    assert changed.succeeded, changed
    assert not consul.services(service), "nobody else would know that these are ours"
    document = inspect(NAME)
    wanted = ["-explicit", "-cleanup", "-resync=30", "-retry-attempts=-1", f"-ip={IP}", "consul://127.0.0.1:28500"]
    assert document["Config"]["Cmd"] == wanted
    assert document["HostConfig"]["RestartPolicy"]["Name"] == "always"
    again = play(variables, **external)
    assert again.succeeded, again
    assert again.changed == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"registrator_address": "node-1"}, "registrator_address 'node-1' is no IP address", id="address"),
        pytest.param({"registrator_resync": 0}, "registrator_resync 0 is not above 0", id="resync"),
        pytest.param({"registrator_provider": "external"}, "needs an image", id="no image"),
        pytest.param({"registrator_provider": "other"}, "registrator_provider", id="provider"),
        pytest.param(
            {"registrator_consul_address": "http://127.0.0.1:1", "registrator_start_timeout": 2},
            "no Consul agent answered",
            id="no Consul",
        ),
    ],
)
def test_bad_settings_are_named(variables: dict[str, Any], wrong: dict[str, Any], message: str) -> None:
    result = play(variables, **wrong)
    assert not result.succeeded
    assert message in result.failure
