# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inspected containers as Docker answers them, cut down to what registration reads; an engine and a catalog of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import docker as docker_sdk
import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator import docker_events
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.node_catalog import FakeCatalog
from ansible_collections.dockerflow.delivery.tests.unit.fakes.scripted_time import ScriptedTime

Inspected = Callable[..., dict[str, Any]]

_INSPECTED: dict[str, Any] = {
    "Id": "83826543fc2726d33c727cb9c1c89ecf14e2700b94fff5adf802293d13461e72",
    "Name": "/books-app",
    "State": {
        "Status": "running",
        "Running": True,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "ExitCode": 0,
        "StartedAt": "2026-11-21T11:08:55.993622516Z",
    },
    "HostConfig": {"NetworkMode": "default", "PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": ""}]}},
    "Config": {
        "Env": ["SERVICE_NAME=books-ms-app-blue"],
        "Labels": {},
        "ExposedPorts": {"8080/tcp": {}},
        "StopSignal": "",
    },
    "NetworkSettings": {
        "Ports": {
            "8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32790"}, {"HostIp": "::", "HostPort": "32783"}],
        }
    },
}


@pytest.fixture
def inspected() -> Inspected:
    """Call C(inspected(Env=[…], Ports={…}, …)): an inspected container, changed where those keys stand."""

    def make(**changes: Any) -> dict[str, Any]:
        document = copy.deepcopy(_INSPECTED)
        for key, value in changes.items():
            sections = (document["State"], document["HostConfig"], document["Config"], document["NetworkSettings"])
            known = [section for section in (document, *sections) if key in section]
            (known[0] if known else document["Config"])[key] = value
        return document

    return make


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> ScriptedTime:
    """Time for what follows Docker's events."""
    scripted = ScriptedTime()
    monkeypatch.setattr(docker_events, "time", scripted)
    return scripted


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, time: ScriptedTime) -> FakeDocker:
    """The engine that every DockerApi of the test reaches."""
    fake = FakeDocker(time, _INSPECTED)
    monkeypatch.setattr(docker_sdk, "APIClient", fake.client)
    return fake


@pytest.fixture
def catalog() -> FakeCatalog:
    """The Consul agent of the node."""
    return FakeCatalog()
