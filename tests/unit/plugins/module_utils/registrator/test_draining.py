# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of containers that were told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.container import Container, container_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.draining import (
    TASK_GRACE,
    Draining,
    Event,
)

Inspected = Callable[..., dict[str, Any]]
NOW = 1000.0


def _after(events: list[tuple[str, int | None]], container: Container | None) -> Draining:
    draining = Draining(grace=30)
    for action, number in events:
        draining.see(Event("c", action, number, 0.0), container, NOW, 0.0)
    return draining


@pytest.mark.parametrize(
    ("stop_signal", "events", "expected"),
    [
        pytest.param("", [("kill", 15)], True, id="stop signal"),
        pytest.param("", [("kill", 9)], True, id="SIGKILL"),
        pytest.param("", [("kill", 1)], False, id="SIGHUP is not a stop"),
        pytest.param("SIGINT", [("kill", 15)], False, id="SIGTERM is not this container's stop signal"),
        pytest.param("SIGINT", [("kill", 2)], True, id="own stop signal"),
        pytest.param("", [("kill", 15), ("start", None)], False, id="started again"),
        pytest.param("", [("kill", 15), ("die", None)], True, id="exited: the mark does not matter any more"),
        pytest.param("", [("kill", 15), ("destroy", None)], False, id="removed"),
        pytest.param("", [("pause", None)], False, id="other events"),
    ],
)
def test_marks(inspected: Inspected, stop_signal: str, events: list[tuple[str, int | None]], expected: bool) -> None:
    container = container_of(inspected(StopSignal=stop_signal))
    assert _after(events, container).contains("c", NOW) is expected


@pytest.mark.parametrize(
    ("changes", "grace"),
    [
        pytest.param({}, 30, id="default"),
        pytest.param({"StopTimeout": 5}, 5, id="the container's own"),
        pytest.param({"StopTimeout": 0}, 0, id="none at all"),
        pytest.param({"Labels": {"com.docker.swarm.task.id": "t"}}, TASK_GRACE, id="Swarm ends a stop itself"),
    ],
)
def test_marks_expire_after_the_grace_time(inspected: Inspected, changes: dict[str, Any], grace: float) -> None:
    draining = _after([("kill", 15)], container_of(inspected(**changes)))
    assert draining.next_expiry == NOW + grace + 1
    assert draining.contains("c", NOW + grace)
    assert not draining.contains("c", NOW + grace + 1)
    assert draining.next_expiry is None


def test_an_event_from_before_the_start_counts_from_its_own_time() -> None:
    draining = Draining(grace=30)
    draining.see(Event("c", "kill", 15, 0.0), None, NOW, 25.0)
    assert draining.contains("c", NOW + 5)
    assert not draining.contains("c", NOW + 6)


def test_containers_that_are_gone_are_forgotten() -> None:
    draining = _after([("kill", 15)], None)
    draining.keep_only({"other"})
    assert draining.next_expiry is None
