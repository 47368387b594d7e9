# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's life: what of it is registered, and when."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import IP, NODE, AgentProcess
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import (
    IMAGE,
    TestContainers,
    docker,
    inspect,
    port,
)
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

# With a handler or without: the first process of a container does not die of a signal it does not handle.
IGNORES_SIGTERM = ("sh", "-c", "trap : TERM; while :; do sleep 0.2; done")


@pytest.fixture(scope="module")
def image_without_environment() -> Iterator[str]:
    """An image made by docker import: its containers have a null environment."""
    source = docker("create", IMAGE)
    name = "rg-no-environment:1"
    with subprocess.Popen(["docker", "export", source], stdout=subprocess.PIPE) as export:
        subprocess.run(["docker", "import", "-", name], stdin=export.stdout, check=True, timeout=120)
    docker("rm", source)
    yield name
    docker("image", "rm", "--force", name)


def test_start_and_stop_with_a_port_chosen_by_docker(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", "--name", f"{service}-a", "--env=SERVICE_TAGS=v1.2,a.b=true")
    host_port = port(container)
    eventually(lambda: consul.services(service), "registered")
    (entry,) = consul.services(service).values()
    assert entry["ServiceID"] == f"{NODE}:{service}-a:{host_port}"
    assert (entry["ServiceAddress"], entry["ServicePort"]) == (IP, host_port)
    assert entry["ServiceTags"] == ["v1.2", "a.b=true"]
    assert entry["ServiceMeta"]["owner"] == NODE
    assert entry["ServiceMeta"]["container"] == container

    docker("stop", "--time=1", container)
    eventually(lambda: not consul.services(service), "gone")


def test_exit_by_itself(agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str) -> None:
    container = containers.run("--publish=8080", command=("sh", "-c", "until [ -e /end ]; do sleep 0.1; done"))
    eventually(lambda: consul.services(service), "registered")
    docker("exec", container, "touch", "/end")
    eventually(lambda: not consul.services(service), "gone")


def test_restart_leaves_only_the_new_port(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080")
    before = port(container)
    eventually(lambda: consul.addresses(service) == {(IP, before)}, "registered")
    docker("restart", "--time=1", container)
    after = port(container)
    assert after != before, "Docker chose the same port again; the test needs another"
    eventually(lambda: consul.addresses(service) == {(IP, after)}, "only the new port is registered")


def test_twenty_removed_at_once(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    started = [containers.run("--publish=8080") for number in range(20)]
    eventually(lambda: len(consul.services(service)) == 20, "all registered")
    docker("rm", "--force", *started)
    eventually(lambda: not consul.services(service), "all gone")
    assert agent.alive


def test_out_of_rotation_at_the_stop_signal_while_it_still_runs(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", command=IGNORES_SIGTERM)
    eventually(lambda: consul.services(service), "registered")
    with subprocess.Popen(["docker", "stop", "--time=25", container], stdout=subprocess.DEVNULL) as stopping:
        eventually(lambda: not consul.services(service), "gone")
        assert stopping.poll() is None
        assert inspect(container)["State"]["Running"]
        docker("kill", container)


def test_its_own_stop_signal_counts_and_no_other(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run(
        "--publish=8080",
        "--stop-signal=SIGUSR1",
        command=("sh", "-c", "trap 'touch /usr1' USR1; trap 'touch /term' TERM; while :; do sleep 0.1; done"),
    )
    eventually(lambda: consul.services(service), "registered")
    docker("kill", "--signal=TERM", container)
    # The next event of the same container has been handled when the marker is there, so SIGTERM has been as well.
    eventually(lambda: docker("exec", container, "ls", "/").count("term"), "SIGTERM was handled")
    docker("rename", container, f"{service}-marker")
    eventually(lambda: any(f"{service}-marker" in key for key in consul.services(service)), "renamed, still there")
    docker("kill", "--signal=USR1", container)
    eventually(lambda: not consul.services(service), "gone")


def test_back_in_rotation_when_the_stop_signal_was_for_something_else(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", "--stop-timeout=1", command=IGNORES_SIGTERM)
    eventually(lambda: consul.services(service), "registered")
    docker("kill", "--signal=TERM", container)
    eventually(lambda: not consul.services(service), "gone")
    eventually(lambda: consul.services(service), "back after its grace time")


def test_no_drain_where_it_is_not_wanted(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", "--env=SERVICE_DRAIN=false", command=IGNORES_SIGTERM)
    eventually(lambda: consul.services(service), "registered")
    docker("kill", "--signal=TERM", container)
    docker("rename", container, f"{service}-marker")
    eventually(lambda: any(f"{service}-marker" in key for key in consul.services(service)), "renamed, still there")


def test_absent_until_healthy_and_out_when_unhealthy(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run(
        "--publish=8080", "--health-cmd=test -e /healthy", "--health-interval=0.3s", "--health-retries=1"
    )
    eventually(lambda: inspect(container)["State"]["Health"]["Status"] == "unhealthy", "unhealthy first")
    marker = containers.run("--publish=8080", f"--env=SERVICE_NAME={service}-marker")
    eventually(lambda: consul.services(f"{service}-marker"), "a later container is registered")
    assert not consul.services(service)

    docker("exec", container, "touch", "/healthy")
    eventually(lambda: consul.services(service), "registered once healthy")
    docker("exec", container, "rm", "/healthy")
    eventually(lambda: not consul.services(service), "out when unhealthy")
    assert marker


def test_not_registered_while_the_health_check_starts(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", "--health-cmd=true", "--health-interval=1h")
    containers.run("--publish=8080", f"--env=SERVICE_NAME={service}-marker")
    eventually(lambda: consul.services(f"{service}-marker"), "a later container is registered")
    assert inspect(container)["State"]["Health"]["Status"] == "starting"
    assert not consul.services(service)


def test_pause_and_unpause(agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str) -> None:
    container = containers.run("--publish=8080")
    eventually(lambda: consul.services(service), "registered")
    docker("pause", container)
    eventually(lambda: not consul.services(service), "out while paused")
    docker("unpause", container)
    eventually(lambda: consul.services(service), "back")


def test_rename_then_remove(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080", "--name", f"{service}-old")
    host_port = port(container)
    eventually(lambda: set(consul.services(service)) == {f"{NODE}:{service}-old:{host_port}"}, "registered")
    docker("rename", container, f"{service}-new")
    eventually(
        lambda: set(consul.services(service)) == {f"{NODE}:{service}-new:{host_port}"}, "the id follows the name"
    )
    docker("rm", "--force", container)
    eventually(lambda: not consul.services(service), "gone")


def test_container_with_a_null_environment_harms_nobody(
    agent: AgentProcess,
    consul: ConsulServer,
    containers: TestContainers,
    service: str,
    image_without_environment: str,
) -> None:
    container = containers.run_as_is(
        image_without_environment, "--publish=8080", "--label", f"SERVICE_NAME={service}-label"
    )
    assert not inspect(container)["Config"]["Env"]
    other = containers.run("--publish=8080")
    eventually(lambda: consul.services(f"{service}-label"), "registered by its label")
    eventually(lambda: consul.services(service), "registered")
    docker("rm", "--force", container, other)
    eventually(lambda: not consul.services(service) and not consul.services(f"{service}-label"), "both gone")


def test_user_defined_network(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    docker("network", "create", service)
    try:
        container = containers.run("--publish=8080", f"--network={service}")
        host_port = port(container)
        eventually(lambda: consul.addresses(service) == {(IP, host_port)}, "registered under the node's address")
        containers.remove()
        eventually(lambda: not consul.services(service), "gone")
    finally:
        containers.remove()
        docker("network", "rm", service)


def test_which_address_and_ports(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    on_one = containers.run(
        "--publish=127.0.0.1::8080", f"--publish={IP}::8081", f"--env=SERVICE_8080_NAME={service}-lo"
    )
    two = containers.run("--publish=8080", "--publish=8081", f"--env=SERVICE_NAME={service}-two")
    containers.run("--network=host", "--expose=28999", f"--env=SERVICE_NAME={service}-host")
    containers.run(f"--env=SERVICE_NAME={service}-unpublished", "--expose=8080")
    marker = containers.run("--publish=8080", f"--env=SERVICE_NAME={service}-marker")
    eventually(lambda: consul.addresses(f"{service}-marker") == {(IP, port(marker))}, "the last one is registered")
    assert consul.addresses(f"{service}-8081") == {(IP, port(on_one, "8081/tcp"))}
    assert consul.addresses(f"{service}-two-8080") == {(IP, port(two))}
    assert consul.addresses(f"{service}-two-8081") == {(IP, port(two, "8081/tcp"))}
    assert consul.addresses(f"{service}-host") == {(IP, 28999)}
    assert not consul.services(f"{service}-lo"), "reachable on this node only"
    assert not consul.services(f"{service}-unpublished")


def test_check_is_registered_and_begins_critical(
    agent: AgentProcess, consul: ConsulServer, containers: TestContainers, service: str
) -> None:
    containers.run("--publish=8080", "--env=SERVICE_CHECK_HTTP=/health", "--env=SERVICE_CHECK_INTERVAL=1s")
    eventually(lambda: consul.services(service), "registered")
    (entry,) = consul.ask("GET", f"/v1/health/service/{service}")
    (check,) = [check for check in entry["Checks"] if check["ServiceID"]]
    assert (check["Type"], check["Status"]) == ("http", "critical")
    assert not consul.ask("GET", f"/v1/health/service/{service}?passing")


def test_a_service_that_consul_refuses_does_not_hold_up_others(
    consul: ConsulServer, new_agent: Callable[..., AgentProcess], containers: TestContainers, service: str
) -> None:
    agent = new_agent(consul)
    agent.start()
    containers.run(
        "--publish=8080",
        f"--env=SERVICE_NAME={service}-bad",
        "--env=SERVICE_CHECK_TCP=1",
        "--env=SERVICE_CHECK_INTERVAL=x",
    )
    containers.run("--publish=8080")
    eventually(lambda: consul.services(service), "the good one is registered")
    eventually(lambda: agent.health()["skipped"] == 1, "the bad one is counted")
    assert f"{service}-bad" in agent.log()
    assert not consul.services(f"{service}-bad")
