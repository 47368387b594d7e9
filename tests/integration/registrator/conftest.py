# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registrator's stories share: a Consul of their own, the agent as a process, containers on this machine.

Budget: 3 minutes on two idle cores.
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import AgentProcess
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import TestContainers, docker
from ansible_collections.dockerflow.delivery.tests.integration.registrator.docker_front import DockerFront

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def images() -> None:
    """The images of ours that these stories use."""
    subprocess.run([ROOT / "images/build", "base", "consul", "registrator"], check=True, timeout=900)


@pytest.fixture(scope="session")
def consul_binary(images: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Consul's program, out of our image."""
    binary = tmp_path_factory.mktemp("consul") / "consul"
    container = docker("create", "dockerflow/consul:1.8.7")
    try:
        docker("cp", f"{container}:/usr/bin/consul", str(binary))
    finally:
        docker("rm", container)
    return binary


@pytest.fixture(scope="module")
def consul(consul_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer]:
    """A running Consul for the tests of one file."""
    server = ConsulServer(consul_binary, tmp_path_factory.mktemp("server") / "consul")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def service() -> str:
    """A service name that no other test has."""
    return f"rg-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def containers(images: None, service: str) -> Iterator[TestContainers]:
    """Containers that are removed at the end."""
    made = TestContainers(service)
    yield made
    made.remove()


@pytest.fixture
def new_agent(tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Call C(new_agent(consul, *options)): an agent, not yet started, ended with the test."""
    made: list[AgentProcess] = []

    def make(server: ConsulServer, *options: str, **environment: str) -> AgentProcess:
        agent = AgentProcess(tmp_path, server.address, *options, **environment)
        made.append(agent)
        return agent

    yield make
    for agent in made:
        agent.stop()


@pytest.fixture
def agent(consul: ConsulServer, new_agent: Callable[..., AgentProcess]) -> AgentProcess:
    """A running agent that only events move."""
    made = new_agent(consul)
    made.start()
    return made


@pytest.fixture
def new_front(tmp_path: Path) -> Iterator[Callable[..., DockerFront]]:
    """Call C(new_front(modern=…, quiet=…)): a Docker socket that can be cut, running."""
    made: list[DockerFront] = []

    def make(*, modern: bool = False, quiet: bool = False) -> DockerFront:
        front = DockerFront(tmp_path / "docker.sock", modern=modern, quiet=quiet)
        front.start()
        made.append(front)
        return front

    yield make
    for front in made:
        front.cut()
