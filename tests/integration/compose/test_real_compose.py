# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files through the real Compose, the real clients and a real Swarm. No container is started."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import load_project
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.dialect import client_dialect
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import (
    KeptService,
    StackDocument,
    stack_document,
)
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.recorded import PROJECTS, copy_project

SECONDS = 60
NUMBERS = itertools.count()
# Debian's own client and, where another one comes first in PATH, that one too.
CLIENTS = sorted(
    {os.path.realpath(path) for path in (shutil.which("docker"), "/usr/bin/docker") if path and Path(path).exists()}
)
ENV = {"APP_VERSION": "7", "BOOKS_MS_VERSION": "2", "COUNT": "2", "FROM_ENV": "e"}
CASES = {"everything": ["db", "cache"], "modern": ["db"], "plain": ["db"]}


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module", autouse=True)
def machine(request: pytest.FixtureRequest) -> None:
    """Docker as a Swarm manager with the Compose plugin: as it is, or provisioned."""
    state = run("docker", "info", "--format", "{{.Swarm.ControlAvailable}}", check=False)
    if state.stdout.strip() != "true" or run("docker", "compose", "version", check=False).returncode != 0:
        request.getfixturevalue("world")


@pytest.fixture
def stack() -> Iterator[str]:
    """The name of a stack that is removed afterwards, with its configs, secrets, networks and volumes."""
    name = f"compose-test-{os.getpid()}-{next(NUMBERS)}"
    label = f"label=com.docker.stack.namespace={name}"
    yield name
    run("docker", "stack", "rm", name)
    left = ("docker", "network", "ls", "--filter", label, "--quiet")
    assert wait_until(lambda: not run(*left).stdout.strip(), SECONDS)
    run("docker", "volume", "rm", "--force", f"{name}_books", f"{name}_data")


@pytest.fixture
def outside() -> Iterator[None]:
    """What the fixture C(plain) expects to be there already."""
    run("docker", "network", "create", "--driver", "overlay", "shared", check=False)
    run("docker", "secret", "create", "token", str(PROJECTS / "everything/token.txt"), check=False)
    yield
    run("docker", "network", "rm", "shared", check=False)
    run("docker", "secret", "rm", "token", check=False)


def translate(case: str, directory: Path, name: str, **options: Any) -> StackDocument:
    """The document of a fixture in colour blue, with no instances."""
    source = copy_project(case, directory)
    sides = CASES[case]
    # Side targets whose profile is not active may be named: naming activates it.
    project = load_project(str(source), services=["app", *sides], env=ENV, project_name=name)
    asleep = {side: KeptService(replicas=0) for side in sides}
    return stack_document(project, "app", "blue", instances=0, side_targets=sides, running=asleep, **options)


def spec(service: str) -> dict[str, Any]:
    """What Swarm was told of a service."""
    found: dict[str, Any] = json.loads(run("docker", "service", "inspect", service).stdout)[0]["Spec"]
    return found


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("client", CLIENTS)
def test_stack_deploy_takes_it(client: str, case: str, tmp_path: Path, stack: str) -> None:
    document = translate(case, tmp_path, stack, dialect=client_dialect((client,)))
    files = tmp_path / "files"
    files.mkdir(mode=0o700)
    deploy = (
        client,
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "--compose-file",
        str(document.write(files)),
        stack,
    )
    done = run(*deploy)
    assert "Ignoring" not in done.stdout + done.stderr
    services = run("docker", "service", "ls", "--filter", f"label=com.docker.stack.namespace={stack}", "--quiet")
    assert len(services.stdout.split()) == 1 + len(CASES[case])
    # Applied once more nothing changes: configs keep their names, Swarm sees the same definition.
    before = spec(f"{stack}_app-blue")
    run(*deploy)
    assert spec(f"{stack}_app-blue") == before


@pytest.mark.parametrize("case", CASES)
@pytest.mark.skipif(
    subprocess.run(["docker", "stack", "config", "--help"], capture_output=True, check=False).returncode != 0,
    reason="this client has no docker stack config",
)
def test_newest_dialect_is_valid(case: str, tmp_path: Path) -> None:
    document = translate(case, tmp_path, "compose-test", dialect=client_dialect_of_client())
    run("docker", "stack", "config", "--compose-file", str(document.write(tmp_path)))


def client_dialect_of_client() -> tuple[int, int]:
    """The dialect of the client alone, whatever the daemon is."""
    major = int(run("docker", "--version").stdout.split()[2].split(".")[0])
    return (3, 13) if major >= 28 else (3, 12) if major >= 25 else (3, 9)


def test_what_swarm_makes_of_it(tmp_path: Path, stack: str) -> None:
    document = translate("everything", tmp_path, stack, labels={"dockerflow.run": "r$1"})
    files = tmp_path / "files"
    files.mkdir()
    run("docker", "stack", "deploy", "--resolve-image", "never", "--compose-file", str(document.write(files)), stack)
    service = spec(f"{stack}_app-blue")
    container = service["TaskTemplate"]["ContainerSpec"]
    assert service["Labels"]["dockerflow.run"] == "r$1"
    assert container["Labels"]["com.example.kind"] == "container"
    assert service["Mode"] == {"Replicated": {"Replicas": 0}}
    assert service["EndpointSpec"]["Mode"] == "dnsrr"
    assert sorted(service["EndpointSpec"]["Ports"], key=lambda port: port["TargetPort"]) == [
        {"Protocol": "tcp", "TargetPort": 7000, "PublishMode": "host"},
        {"Protocol": "tcp", "TargetPort": 8080, "PublishMode": "host"},
        {"Protocol": "udp", "TargetPort": 9000, "PublishMode": "host"},
        {"Protocol": "udp", "TargetPort": 9001, "PublishMode": "host"},
    ]
    assert container["Args"] == ["serve", "--home", "$HOME", "--level", "info"]
    assert {"PRICE=5$", "QUOTED=a b", "THEME=dark", f"SERVICE_8080_NAME={stack}-app-blue"} <= set(container["Env"])
    assert {mount["Target"]: mount["Type"] for mount in container["Mounts"]} == {
        "/var/cache": "volume",
        "/books": "volume",
        "/covers": "volume",
        "/t": "tmpfs",
        "/site": "bind",
        "/shared": "bind",
        "/etc/localtime": "bind",
        "/scratch": "tmpfs",
        "/run": "tmpfs",
        "/dev/shm": "tmpfs",
    }
    sizes = {
        mount["Target"]: mount["TmpfsOptions"]["SizeBytes"] for mount in container["Mounts"] if "TmpfsOptions" in mount
    }
    assert sizes == {"/t": 1 << 20, "/scratch": 1 << 20, "/dev/shm": 64 << 20}
    assert sorted(container["Hosts"]) == ["192.0.2.1 one.example.org", "2001:db8::1 six.example.org"]
    assert (container["StopSignal"], container["StopGracePeriod"]) == ("SIGINT", 70 * 10**9)
    assert container["Healthcheck"]["Test"] == ["CMD-SHELL", "curl --fail localhost:8080"]
    targets = {config["File"]["Name"] for config in container["Configs"] if "File" in config}
    assert targets == {"/etc/app/rules", "greeting", "origin"}
    assert {secret["File"]["Name"] for secret in container["Secrets"]} == {"api-token", "/run/secrets/password"}
    resources = service["TaskTemplate"]["Resources"]
    assert resources["Limits"] == {"NanoCPUs": 5 * 10**8, "MemoryBytes": 64 << 20, "Pids": 90}
    assert service["TaskTemplate"]["RestartPolicy"]["Condition"] == "on-failure"
    greeting = next(config["ConfigName"] for config in container["Configs"] if "greeting" in config["ConfigName"])
    assert run("docker", "config", "inspect", "--pretty", greeting).stdout.rstrip().endswith("hello $you, 7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("services:\n  app:\n    image: x\n   b: 1\n", "compose.yaml is not valid: yaml: line ", id="YAML"),
        pytest.param("services: {app: {imagee: x}}", "compose.yaml is not valid: services.app Additional", id="schema"),
        pytest.param(
            "services: {app: {image: 'x:${T:?choose}'}}", "variable T is missing a value: choose", id="variable"
        ),
        pytest.param("services: {app: {image: x, env_file: gone}}", "is not valid: env file ", id="env_file"),
        pytest.param("services: {ap: {image: x}}", "target 'app' is no service of", id="target"),
        pytest.param(
            "services: {app: {image: x, depends_on: [gone]}}", "depends on undefined service", id="dependency"
        ),
    ],
)
def test_what_compose_refuses_is_said_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    source = tmp_path / "shop"
    source.mkdir()
    (source / "compose.yaml").write_text(text)
    with pytest.raises(DeliveryError) as caught:
        load_project(str(source), services=["app"])
    assert message in str(caught.value)
    assert str(source / "compose.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_project_directory_is_that_of_the_first_file(tmp_path: Path) -> None:
    source = tmp_path / "shop"
    (source / "deploy").mkdir(parents=True)
    (source / "deploy/compose.yaml").write_text("services: {app: {image: 'x:${A}-${B}', env_file: ../e}}")
    (source / "e").write_text("C=1\n")
    (source / "deploy/.env").write_text("A=deploy\nB=deploy\n")
    (source / ".env").write_text("A=root\n")
    service = load_project(str(source), files=["deploy/compose.yaml"]).service("app")
    assert (service["image"], service["environment"]) == ("x:deploy-deploy", {"C": "1"})
    (source / ".env").write_text("A=root\nCOMPOSE_FILE=deploy/compose.yaml\n")
    assert load_project(str(source)).service("app")["image"] == "x:root-deploy"
