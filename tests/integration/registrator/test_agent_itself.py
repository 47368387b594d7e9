# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent itself is killed, signalled, run once; and what it must never touch."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import IP, NODE, AgentProcess
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import (
    TestContainers,
    docker,
    port,
)
from ansible_collections.dockerflow.delivery.tests.integration.registrator.docker_front import DockerFront
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

NewAgent = Callable[..., AgentProcess]


def test_killed_with_changes_meanwhile(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    dies, stays = (containers.run("--publish=8080") for number in range(2))
    eventually(lambda: len(consul.services(service)) == 2, "registered")
    agent.end(signal.SIGKILL)
    docker("rm", "--force", dies)
    born = containers.run("--publish=8080")
    assert consul.addresses(service) != {(IP, port(stays)), (IP, port(born))}
    agent.start()
    assert consul.addresses(service) == {(IP, port(stays)), (IP, port(born))}


def test_what_is_being_stopped_stays_out_when_the_agent_starts_again(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", command=("sh", "-c", "trap : TERM; while :; do sleep 0.2; done"))
    eventually(lambda: consul.services(service), "registered")
    docker("kill", "--signal=TERM", container)
    eventually(lambda: not consul.services(service), "out")
    agent.end(signal.SIGKILL)
    agent.start()
    assert not consul.services(service)


def test_sigterm_leaves_services_in_place(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    containers.run("--publish=8080")
    eventually(lambda: consul.services(service), "registered")
    assert agent.end(signal.SIGTERM) == 0
    assert consul.services(service)


def test_sigterm_takes_services_out_where_that_is_wanted(
    consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    containers.run("--publish=8080")
    agent = new_agent(consul, "--deregister-on-exit")
    agent.start()
    assert consul.services(service)
    assert agent.end(signal.SIGTERM) == 0
    assert not consul.services(service)


def test_withdraw_takes_out_what_is_ours_and_nothing_else(
    consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    containers.run("--publish=8080")
    assert new_agent(consul).once()[0] == 0
    consul.register({"ID": f"{service}-foreign", "Name": f"{service}-foreign"})
    status, output = new_agent(consul).once("--withdraw")
    assert status == 0, output
    assert not consul.services(service)
    assert consul.services(f"{service}-foreign")
    consul.deregister(f"{service}-foreign")


@pytest.mark.parametrize("how", ["SIGHUP", "resync"])
def test_what_was_taken_out_by_hand_comes_back(
    consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
    how: str,
) -> None:
    containers.run("--publish=8080")
    quiet = ("--docker-host", new_front(quiet=True).docker_host)
    agent = new_agent(consul, "--resync", "1" if how == "resync" else "3600", *quiet)
    agent.start()
    (service_id,) = consul.services(service)
    if how == "SIGHUP":
        # After its start it looks again for a second; what is wanted here is the signal's effect alone.
        eventually(lambda: time.time() - agent.health()["time"] > 2, "it has nothing to do")
    consul.deregister(service_id)
    if how == "SIGHUP":
        agent.send(signal.SIGHUP)
    eventually(lambda: set(consul.services(service)) == {service_id}, "registered again")


def test_services_of_others_are_never_touched(
    consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", f"--name={service}")
    same_id = f"{NODE}:{service}:{port(container)}"
    foreign = [
        {"ID": f"{NODE}:x:1", "Name": f"{service}-shaped-like-ours", "Port": 1},
        {"ID": f"{service}-owned", "Name": f"{service}-owned", "Port": 2, "Meta": {"owner": NODE}},
        {"ID": f"{service}-other", "Name": f"{service}-other", "Port": 3, "Meta": {"owner": "other", "hash": "x"}},
        {"ID": same_id, "Name": f"{service}-has-our-id", "Port": 4},
    ]
    for definition in foreign:
        consul.register(definition)
    agent = new_agent(consul)
    agent.start()
    marker = containers.run("--publish=8080", f"--env=SERVICE_NAME={service}-marker")
    eventually(lambda: consul.services(f"{service}-marker"), "it works")
    docker("rm", "--force", container, marker)
    eventually(lambda: not consul.services(f"{service}-marker"), "it still works")
    for definition in foreign:
        (entry,) = consul.services(str(definition["Name"])).values()
        assert (entry["ServiceID"], entry["ServicePort"]) == (definition["ID"], definition["Port"])
        consul.deregister(str(definition["ID"]))
    assert f"{same_id}: a service that is not ours" in agent.log()


def test_two_nodes_at_one_consul_keep_to_their_own(
    consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    containers.run("--publish=8080", f"--name={service}")
    new_agent(consul).once()
    new_agent(consul, "--node", "rg-other").once()
    assert {key.partition(":")[0] for key in consul.services(service)} == {NODE, "rg-other"}
    new_agent(consul).once()
    assert {key.partition(":")[0] for key in consul.services(service)} == {NODE, "rg-other"}
    containers.remove()
    new_agent(consul, "--node", "rg-other").once()
    assert {key.partition(":")[0] for key in consul.services(service)} == {NODE}


def test_dry_run_says_and_changes_nothing(
    consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", f"--name={service}")
    line = f"+ {NODE}:{service}:{port(container)} {service} {IP}:{port(container)}"
    status, output = new_agent(consul).once("--dry-run")
    assert status == 0
    assert f"would do: {line}" in output
    assert not consul.services(service)
    status, output = new_agent(consul).once()
    assert status == 0
    assert line in output
    assert consul.services(service)
    status, output = new_agent(consul).once("--dry-run")
    assert service not in output


def test_nothing_is_sent_again_when_nothing_changed(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    containers.run("--publish=8080")
    eventually(lambda: consul.services(service), "registered")
    (before,) = consul.services(service).values()
    agent.send(signal.SIGHUP)
    marker = containers.run("--publish=8080", f"--env=SERVICE_NAME={service}-marker")
    eventually(lambda: consul.services(f"{service}-marker"), "compared again")
    (after,) = consul.services(service).values()
    assert marker
    assert after["ModifyIndex"] == before["ModifyIndex"]


def test_health_file_and_memory(agent: AgentProcess, containers: TestContainers, service: str) -> None:
    containers.run("--publish=8080")
    eventually(lambda: agent.health()["services"] >= 1, "the health file counts services")
    assert agent.health()["ok"]
    status = Path(f"/proc/{agent.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0])
    assert resident < 40 * 1024
