# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consul goes away, comes back, comes back empty, or wants a token."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture
def own_consul(consul_binary: Path, tmp_path: Path) -> Iterator[ConsulServer]:
    """A Consul of this test alone, not yet started."""
    server = ConsulServer(consul_binary, tmp_path / "consul")
    yield server
    server.kill()


def test_consul_down_at_start(
    own_consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    container = containers.run("--publish=8080")
    agent = new_agent(own_consul)
    agent.start(ready=False)
    eventually(lambda: agent.health().get("ok") is False, "it says that Consul does not answer")
    assert "no Consul agent answered" in agent.health()["error"]
    own_consul.start()
    eventually(lambda: own_consul.addresses(service) == {(IP, port(container))}, "registered")
    assert agent.alive


def test_death_and_birth_during_an_outage(
    own_consul: ConsulServer, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    own_consul.start()
    agent = new_agent(own_consul)
    agent.start()
    dies = containers.run("--publish=8080")
    stays = containers.run("--publish=8080")
    eventually(lambda: len(own_consul.services(service)) == 2, "registered")
    own_consul.kill()
    docker("rm", "--force", dies)
    born = containers.run("--publish=8080")
    eventually(lambda: agent.health().get("ok") is False, "it noticed the outage")
    own_consul.start()
    expected = {(IP, port(stays)), (IP, port(born))}
    eventually(lambda: own_consul.addresses(service) == expected, "exactly those that run are registered")
    assert "Docker and Consul answer again" in agent.log()


def test_consul_comes_back_empty_and_docker_is_quiet(
    own_consul: ConsulServer,
    new_agent: NewAgent,
    new_front: Callable[..., DockerFront],
    containers: TestContainers,
    service: str,
) -> None:
    own_consul.start()
    container = containers.run("--publish=8080")
    new_agent(own_consul, "--resync", "1", "--docker-host", new_front(quiet=True).docker_host).start()
    eventually(lambda: own_consul.services(service), "registered")
    own_consul.kill()
    own_consul.wipe()
    own_consul.start()
    eventually(lambda: own_consul.addresses(service) == {(IP, port(container))}, "registered again")


def test_token_from_a_file_and_a_new_one_without_restart(
    consul_binary: Path, tmp_path: Path, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    root = "00000000-0000-0000-0000-000000000001"
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": root, "agent": root}}
    server = ConsulServer(consul_binary, tmp_path / "acl", {"acl": acl, "node_name": "rg-consul"}, token=root)
    server.start()
    try:
        rules = 'service_prefix "" { policy = "write" } agent "rg-consul" { policy = "read" }'
        server.ask("PUT", "/v1/acl/policy", {"Name": "registrator", "Rules": rules})
        token = server.ask("PUT", "/v1/acl/token", {"Policies": [{"Name": "registrator"}]})["SecretID"]
        file = tmp_path / "token"
        file.write_text("11111111-0000-0000-0000-000000000000\n")
        file.chmod(0o600)
        container = containers.run("--publish=8080")
        agent = new_agent(server, "--consul-token-file", str(file))
        agent.start(ready=False)
        eventually(lambda: agent.health().get("ok") is False, "a wrong token is reported")
        file.write_text(f"{token}\n")
        eventually(lambda: server.addresses(service) == {(IP, port(container))}, "registered with the new token")
        docker("rm", "--force", container)
        eventually(lambda: not server.services(service), "gone")
        shown = agent.log() + Path(f"/proc/{agent.pid}/cmdline").read_text() + str(agent.health())
        assert token not in shown
    finally:
        server.kill()


def test_consul_over_tls_with_a_client_certificate(
    consul_binary: Path, tmp_path: Path, new_agent: NewAgent, containers: TestContainers, service: str
) -> None:
    for arguments in (["ca", "create"], ["cert", "create", "-server"], ["cert", "create", "-client"]):
        subprocess.run([consul_binary, "tls", *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    authority = str(tmp_path / "consul-agent-ca.pem")
    names = {kind: str(tmp_path / f"dc1-{kind}-consul-0") for kind in ("server", "client")}
    settings = {
        "ports": {"http": 28500, "https": 28501, "server": 28300, "serf_lan": 28301, "serf_wan": 28302, "dns": -1},
        "ca_file": authority,
        "cert_file": f"{names['server']}.pem",
        "key_file": f"{names['server']}-key.pem",
        "verify_incoming": True,
    }
    server = ConsulServer(consul_binary, tmp_path / "tls", settings)
    server.start()
    try:
        containers.run("--publish=8080")
        https = ("--consul-address", "https://127.0.0.1:28501")
        status, output = new_agent(server, *https).once()
        assert status == 1, output
        assert "could not be verified" in output
        proof = ("--consul-client-cert", f"{names['client']}.pem", "--consul-client-key", f"{names['client']}-key.pem")
        status, output = new_agent(server, *https, "--consul-ca-path", authority, *proof).once()
        assert status == 0, output
        assert server.services(service)
    finally:
        server.kill()
