# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inspected containers as Docker answers them, cut down to what registration reads; an engine and a catalog of them."""

from __future__ import annotations

import copy
import logging
import queue
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker as docker_sdk
import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator import docker_events, registrator
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.node_catalog import FakeCatalog
from ansible_collections.dockerflow.delivery.tests.unit.fakes.registrator_scene import Comparisons, Scene
from ansible_collections.dockerflow.delivery.tests.unit.fakes.scripted_time import ScriptedQueue, ScriptedTime

Inspected = Callable[..., dict[str, Any]]

_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)

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


@pytest.fixture
def run(engine: FakeDocker, catalog: FakeCatalog) -> Comparisons:
    """The comparisons of one agent."""
    return Comparisons(catalog)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged since it was last asked for."""
    caplog.set_level(logging.INFO, "registrator")

    def lines() -> list[str]:
        found = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return found

    return lines


@pytest.fixture
def scene(
    time: ScriptedTime, engine: FakeDocker, catalog: FakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """A node whose agent runs in scripted time; the signals of this process are its own again afterwards."""
    made = Scene(time, engine, catalog, tmp_path)
    monkeypatch.setattr(registrator, "time", time)
    monkeypatch.setattr(
        registrator, "queue", SimpleNamespace(SimpleQueue=lambda: ScriptedQueue(time), Empty=queue.Empty)
    )
    monkeypatch.setattr(registrator, "EventStream", made.stream)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)
