# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an inspected container."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.container import (
    Binding,
    container_of,
    signal_number,
)

Inspected = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param({"Running": True}, None, id="running"),
        pytest.param({"Running": False}, "not running", id="exited"),
        pytest.param({}, "not running", id="no state"),
        pytest.param(None, "not running", id="null state"),
        pytest.param({"Running": True, "Restarting": True}, "restarting", id="between two starts"),
        pytest.param({"Running": True, "Paused": True}, "paused", id="paused"),
        pytest.param({"Running": True, "Health": None}, None, id="null health"),
        pytest.param({"Running": True, "Health": {"Status": "none"}}, None, id="health switched off"),
        pytest.param({"Running": True, "Health": {"Status": "starting"}}, "starting", id="not yet healthy"),
        pytest.param({"Running": True, "Health": {"Status": "unhealthy"}}, "unhealthy", id="unhealthy"),
        pytest.param({"Running": True, "Health": {"Status": "healthy"}}, None, id="healthy"),
        pytest.param({"Running": True, "Dead": True}, "not running", id="dead"),
    ],
)
def test_absence(inspected: Inspected, state: dict[str, Any] | None, expected: str | None) -> None:
    assert container_of(inspected(State=state)).absence == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {}, (Binding(8080, "tcp", "0.0.0.0", 32790), Binding(8080, "tcp", "::", 32783)), id="v4 and v6 differ"
        ),
        pytest.param({"Ports": None}, (), id="null ports"),
        pytest.param({"NetworkSettings": None}, (), id="null network"),
        pytest.param({"Ports": {"80/tcp": None}}, (), id="exposed only"),
        pytest.param({"Ports": {"80/tcp": [{"HostIp": "", "HostPort": ""}]}}, (), id="emptied while stopping"),
        pytest.param({"Ports": {"80/tcp": [{"HostIp": "", "HostPort": "0"}]}}, (), id="0 is no port"),
        pytest.param(
            {"Ports": {"53/udp": [{"HostIp": None, "HostPort": "53"}]}}, (Binding(53, "udp", "", 53),), id="udp"
        ),
        pytest.param(
            {"NetworkMode": "host"}, (Binding(8080, "tcp", "", 8080, held=False),), id="host network: exposed ports"
        ),
        pytest.param({"NetworkMode": "host", "ExposedPorts": None}, (), id="host network, nothing exposed"),
    ],
)
def test_bindings(inspected: Inspected, changes: dict[str, Any], expected: tuple[Binding, ...]) -> None:
    assert container_of(inspected(**changes)).bindings == expected


def test_everything_that_may_be_null_is_read(inspected: Inspected) -> None:
    container = container_of(inspected(Env=None, Labels=None, ExposedPorts=None, StopSignal=None, StopTimeout=None))
    assert (container.environment, container.labels, container.stop_signal, container.stop_timeout) == (
        (),
        {},
        15,
        None,
    )


def test_swarm_task(inspected: Inspected) -> None:
    labels = {
        "com.docker.swarm.service.name": "books-ms_app-blue",
        "com.docker.swarm.task.id": "vag6o5j8fj0umwvvfehbekzgq",
        "com.docker.swarm.node.id": "vrg45cm3899wafdjev8uvcc0p",
        "com.docker.swarm.task": "",
    }
    name = "/books-ms_app-blue.1.vag6o5j8fj0umwvvfehbekzgq"
    assert container_of(inspected(Name=name, Labels=labels)).swarm == {
        "service": "books-ms_app-blue",
        "task": "vag6o5j8fj0umwvvfehbekzgq",
        "node": "vrg45cm3899wafdjev8uvcc0p",
    }
    # An image made of a task's container has its labels, and what runs of that image is no task.
    assert container_of(inspected(Name="/copy", Labels=labels)).swarm == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param({"Running": True}, True, id="running"),
        pytest.param({"Running": True, "Paused": True}, True, id="paused: its ports are its own"),
        pytest.param({"Running": True, "Health": {"Status": "unhealthy"}}, True, id="unhealthy"),
        pytest.param({"Running": True, "Restarting": True}, False, id="between two starts"),
        pytest.param({"Running": False}, False, id="exited"),
        pytest.param({"Running": True, "Dead": True}, False, id="dead"),
        pytest.param(None, False, id="null state"),
    ],
)
def test_runs(inspected: Inspected, state: dict[str, Any] | None, expected: bool) -> None:
    assert container_of(inspected(State=state)).runs is expected


def test_starts_are_sorted_though_docker_leaves_zeros_out(inspected: Inspected) -> None:
    moments = [
        "2026-11-21T11:08:55Z",
        "2026-11-21T11:08:55.09Z",
        "2026-11-21T11:08:55.100000001Z",
        "2026-11-21T11:09:00Z",
    ]
    started = [container_of(inspected(StartedAt=moment)).started for moment in moments]
    assert sorted(started) == started


@pytest.mark.parametrize(
    ("name", "number"),
    [("", 15), ("SIGTERM", 15), ("TERM", 15), ("sigint", 2), ("3", 3), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("X", 15)],
)
def test_signal_number(name: str, number: int) -> None:
    assert signal_number(name) == number
