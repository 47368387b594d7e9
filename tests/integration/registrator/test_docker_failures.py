# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker goes away and comes back, is newer than ours, and is asked for four things only."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import IP, AgentProcess
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import (
    TestContainers,
    docker,
    port,
)
from ansible_collections.dockerflow.delivery.tests.integration.registrator.docker_front import DockerFront
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

NewAgent = Callable[..., AgentProcess]
ALLOWED = re.compile(r"/version|/events|/containers/json|/containers/[0-9a-f]{64}/json")


def test_socket_away_while_one_dies_and_one_is_born(
    consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
) -> None:
    front = new_front()
    agent = new_agent(consul, "--docker-host", front.docker_host)
    agent.start()
    dies, stays = (containers.run("--publish=8080") for number in range(2))
    eventually(lambda: len(consul.services(service)) == 2, "registered")
    front.cut()
    agent_before = agent.pid
    docker("rm", "--force", dies)
    born = containers.run("--publish=8080")
    assert {(IP, port(stays))} < consul.addresses(service), "an engine that does not answer empties nothing"
    front.start()
    expected = {(IP, port(stays)), (IP, port(born))}
    eventually(lambda: consul.addresses(service) == expected, "exactly those that run are registered")
    assert agent.alive
    assert agent.pid == agent_before


def test_socket_away_at_start(
    consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
) -> None:
    front = new_front()
    front.cut()
    containers.run("--publish=8080")
    agent = new_agent(consul, "--docker-host", front.docker_host)
    agent.start(ready=False)
    eventually(lambda: "docker_host" in (agent.health().get("error") or ""), "it says that Docker does not answer")
    front.start()
    eventually(lambda: consul.services(service), "registered")


def test_told_to_stop_while_the_socket_was_away(
    consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
) -> None:
    front = new_front()
    new_agent(consul, "--docker-host", front.docker_host).start()
    container = containers.run("--publish=8080", command=("sh", "-c", "trap : TERM; while :; do sleep 0.2; done"))
    eventually(lambda: consul.services(service), "registered")
    front.cut()
    docker("kill", "--signal=TERM", container)
    front.start()
    eventually(lambda: not consul.services(service), "out, by the events that Docker remembers")


def test_engine_replaced_by_one_that_refuses_the_old_api(
    consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
) -> None:
    front = new_front()
    new_agent(consul, "--docker-host", front.docker_host).start()
    front.cut()
    front.modern = True
    front.start()
    containers.run("--publish=8080")
    eventually(lambda: consul.services(service), "registered through the new engine")


@pytest.mark.parametrize("modern", [pytest.param(False, id="this engine"), pytest.param(True, id="API 1.44 to 1.52")])
def test_only_four_paths_are_asked_for(
    consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
    modern: bool,
) -> None:
    front = new_front(modern=modern)
    agent = new_agent(consul, "--docker-host", front.docker_host)
    agent.start()
    container = containers.run("--publish=8080", "--health-cmd=true", "--health-interval=0.3s")
    eventually(lambda: consul.addresses(service) == {(IP, port(container))}, "registered")
    docker("pause", container)
    eventually(lambda: not consul.services(service), "out")
    docker("rm", "--force", container)
    others = [path for method, path in front.requests if method != "GET" or not ALLOWED.fullmatch(path)]
    assert others == []
    assert {path for method, path in front.requests} >= {"/version", "/events", "/containers/json"}
    assert agent.health()["ok"]
