# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proxy's stories share: real HAProxy and its agent in containers, a real Consul, instances as processes.

Budget: 4 minutes for the folder.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.consul_container import (
    LABEL,
    ConsulContainer,
    docker,
)
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import (
    IMAGE,
    ProxyContainers,
)
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.service import Service

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def images() -> None:
    """The images of ours that these stories use."""
    ours = ["consul", *(["proxy"] if IMAGE == "dockerflow/proxy:1" else [])]
    subprocess.run([ROOT / "images/build", *ours], check=True, timeout=900)


@pytest.fixture(scope="session", autouse=True)
def nothing_left() -> None:
    """Nothing of an earlier test run that was killed: it would share the ports and answer for what is tested."""
    for kind in ("container", "volume"):
        left = docker(kind, "ls", "--quiet", *(["--all"] if kind == "container" else []), "--filter", f"label={LABEL}")
        if left:
            docker(kind, "rm", "--force", *left.split())


@pytest.fixture(scope="module")
def consul(images: None) -> Iterator[ConsulContainer]:
    """A running Consul for the tests of one file."""
    server = ConsulContainer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def proxy(consul: ConsulContainer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyContainers]:
    """A running proxy for the tests of one file."""
    made = ProxyContainers(tmp_path_factory.mktemp("proxy"), consul.store, consul.catalog)
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def new_service(proxy: ProxyContainers) -> Iterator[Callable[[], Service]]:
    """Call C(new_service()) for one without instances and route; all are removed at the end of the test."""
    made: list[Service] = []

    def make() -> Service:
        made.append(Service(proxy))
        return made[-1]

    yield make
    for service in made:
        service.remove()


@pytest.fixture
def service(new_service: Callable[[], Service]) -> Service:
    """A service with two instances of each colour, users on blue."""
    made = new_service()
    made.run("blue", 2)
    made.run("green", 2)
    made.reconfigure(instances={"blue": 2, "green": 2})
    made.up("blue", 2)
    made.up("green", 2)
    return made
