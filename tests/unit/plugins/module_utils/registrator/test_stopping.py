# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of containers that were told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.container import container_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.stopping import (
    TASK_GRACE,
    Draining,
    Event,
)

Inspected = Callable[..., dict[str, Any]]
NOW = 1000.0


def _until(events: list[tuple[str, int | None]], inspected: dict[str, Any]) -> float | None:
    draining = Draining(grace=30)
    for action, number in events:
        draining.see(Event(inspected["Id"], action, number, 0.0), NOW)
    return draining.until(container_of(inspected))


@pytest.mark.parametrize(
    ("stop_signal", "events", "expected"),
    [
        pytest.param("", [("kill", 15)], True, id="stop signal"),
        pytest.param("", [("kill", 9)], True, id="SIGKILL"),
        pytest.param("", [("kill", 1)], False, id="SIGHUP is not a stop"),
        pytest.param("SIGINT", [("kill", 15)], False, id="SIGTERM is not this container's stop signal"),
        pytest.param("SIGINT", [("kill", 2)], True, id="own stop signal"),
        pytest.param("", [("kill", 15), ("kill", 1)], True, id="another signal after the stop signal"),
        pytest.param("", [("kill", 15), ("start", None)], False, id="started again"),
        pytest.param("", [("kill", 15), ("die", None)], True, id="exited: the mark does not matter any more"),
        pytest.param("", [("kill", 15), ("destroy", None)], False, id="removed"),
        pytest.param("", [("pause", None)], False, id="other events"),
    ],
)
def test_marks(inspected: Inspected, stop_signal: str, events: list[tuple[str, int | None]], expected: bool) -> None:
    assert (_until(events, inspected(StopSignal=stop_signal)) is not None) is expected


@pytest.mark.parametrize(
    ("changes", "grace"),
    [
        pytest.param({}, 30, id="default"),
        pytest.param({"StopTimeout": 5}, 5, id="the container's own"),
        pytest.param({"StopTimeout": 0}, 0, id="none at all"),
        pytest.param(
            {"Name": "/app.1.t", "Labels": {"com.docker.swarm.task.id": "t"}}, TASK_GRACE, id="Swarm ends a stop itself"
        ),
    ],
)
def test_marks_expire_after_the_grace_time(inspected: Inspected, changes: dict[str, Any], grace: float) -> None:
    assert _until([("kill", 15)], inspected(**changes)) == NOW + grace + 1


def test_the_last_signal_counts(inspected: Inspected) -> None:
    draining = Draining(grace=30)
    container = container_of(inspected())
    for number, at in ((15, NOW), (9, NOW + 10)):
        draining.see(Event(container.id, "kill", number, 0.0), at)
    assert draining.until(container) == NOW + 41


def test_containers_that_are_gone_are_forgotten(inspected: Inspected) -> None:
    draining = Draining(grace=30)
    container = container_of(inspected())
    draining.see(Event(container.id, "kill", 15, 0.0), NOW)
    draining.keep_only({"other"})
    assert draining.until(container) is None
