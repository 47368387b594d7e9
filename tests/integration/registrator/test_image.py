# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent in its image, as the role runs it."""

from __future__ import annotations

import json

from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import IP, NODE
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import (
    TestContainers,
    docker,
    inspect,
    port,
)
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually


def test_image(consul: ConsulServer, containers: TestContainers, service: str) -> None:
    options = (
        *("--network=host", "--volume=/var/run/docker.sock:/var/run/docker.sock:ro", "--read-only"),
        *("--tmpfs=/run/registrator", "--cap-drop=ALL", "--health-interval=0.5s"),
        *(f"--env=REGISTRATOR_NODE={NODE}", f"--env=REGISTRATOR_IP={IP}", f"--env=CONSUL_HTTP_ADDR={consul.address}"),
    )
    agent = containers.run_as_is("dockerflow/registrator:1", *options, command=())
    container = containers.run("--publish=8080")
    eventually(lambda: consul.addresses(service) == {(IP, port(container))}, "registered")
    eventually(lambda: inspect(agent)["State"]["Health"]["Status"] == "healthy", "its own health check passes")
    assert json.loads(docker("exec", agent, "cat", "/run/registrator/health"))["ok"]
    docker("stop", "--time=20", agent)
    assert inspect(agent)["State"]["ExitCode"] == 0
    assert consul.services(service), "services stay when the agent goes"
