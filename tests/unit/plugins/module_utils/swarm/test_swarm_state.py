# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker 20.10 really answered, reduced to what a release needs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import TaskState
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_state import (
    leaving_first,
    service_state,
    task_state,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.swarm import recorded

NODES = {node["ID"]: node for node in recorded("nodes")}


def test_a_service() -> None:
    state = service_state(recorded("services")["running"])
    assert (state.name, state.replicas, state.image) == ("books-ms_app-blue", 1, "dockerflow/books-ms:1")
    assert state.spec.startswith("ec01d572")
    assert state.version == recorded("services")["running"]["Version"]["Index"]
    assert state.update is None


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        pytest.param("rolled_back", "rollback_completed", "rollback completed", id="rolled back"),
        pytest.param("paused", "paused", "update paused due to failure", id="paused"),
    ],
)
def test_how_an_update_ended(name: str, state: str, message: str) -> None:
    update = service_state(recorded("services")[name]).update
    assert update is not None
    assert (update.phase, update.state) == (name, state)
    assert update.message.startswith(message)
    assert update.started is not None


def test_a_global_service_counts_as_one() -> None:
    item = recorded("services")["running"]
    item["Spec"]["Mode"] = {"Global": {}}
    assert service_state(item).replicas == 1


def test_a_job_counts_what_is_to_complete() -> None:
    item = recorded("services")["running"]
    item["Spec"]["Mode"] = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 3}}
    assert service_state(item).replicas == 3


def test_a_service_that_is_scaled_to_zero() -> None:
    item = recorded("services")["running"]
    item["Spec"]["Mode"]["Replicated"]["Replicas"] = 0
    assert service_state(item).replicas == 0


@pytest.mark.parametrize(
    ("name", "running", "ended", "failed", "reason", "exit_code"),
    [
        pytest.param("running", True, False, False, "started", None, id="running"),
        pytest.param("starting", False, False, False, "starting", None, id="its health check has not passed"),
        pytest.param("ready", False, False, False, "prepared", None, id="waits for its restart delay"),
        pytest.param(
            "pending", False, False, False, "no suitable node (scheduling constraints", None, id="fits nowhere"
        ),
        pytest.param("rejected", False, True, True, "No such image: nosuchimage:latest", 0, id="no image"),
        pytest.param("failed", False, True, True, "task: non-zero exit (3)", 3, id="exited"),
    ],
)
def test_tasks(name: str, running: bool, ended: bool, failed: bool, reason: str, exit_code: int | None) -> None:
    state = task_state(recorded("tasks")[name], NODES)
    assert (state.running, state.ended, state.failed, state.exit_code) == (running, ended, failed, exit_code)
    assert (state.starting, state.rejected, state.leaving) == (
        name == "starting",
        name == "rejected",
        name == "ready",
    )
    assert state.reason.startswith(reason)


def test_where_a_task_is() -> None:
    state = task_state(recorded("tasks")["running"], NODES)
    assert (state.node_address, state.slot) == ("172.17.0.1", 1)
    assert state.ports == {33019, 33006}  # one for IPv4 and one for IPv6: Consul may have either
    assert state.container.startswith("be93668abd78")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"NodeID": "gone"}, id="a node that left the swarm"),
        pytest.param({"NodeID": ""}, id="not placed yet"),
    ],
)
def test_a_task_without_a_node(change: dict[str, Any]) -> None:
    assert task_state({**recorded("tasks")["running"], **change}, NODES).node_address == ""


@pytest.mark.parametrize(
    ("node", "state", "expected"),
    [
        pytest.param("down", "running", (False, True, False), id="it ran when its node went down"),
        pytest.param("down", "failed", (False, False, True), id="it had failed before"),
        pytest.param("ready", "running", (True, False, False), id="its node is there"),
        pytest.param("unknown", "running", (True, False, False), id="a new leader has not heard of the node yet"),
    ],
)
def test_a_task_on_a_node_that_is_down(node: str, state: str, expected: tuple[bool, bool, bool]) -> None:
    nodes = {name: {**item, "Status": {**item["Status"], "State": node}} for name, item in NODES.items()}
    found = task_state(recorded("tasks")[state], nodes)
    assert (found.running, found.lost, found.ended) == expected
    assert found.gone is (found.lost or found.ended)


def test_ports_of_the_routing_mesh_are_not_the_nodes() -> None:
    item = recorded("tasks")["running"]
    item["Status"]["PortStatus"]["Ports"][0]["PublishMode"] = "ingress"
    assert task_state(item, NODES).ports == {33006}


def test_a_task_that_shall_stop_does_not_count_as_running() -> None:
    state = task_state({**recorded("tasks")["running"], "DesiredState": "shutdown"}, NODES)
    assert (state.running, state.leaving, state.ended) == (False, True, False)


@pytest.mark.parametrize("state", ["complete", "shutdown", "remove", "orphaned"])
def test_other_ends(state: str) -> None:
    item = recorded("tasks")["running"]
    item["Status"]["State"] = state
    assert task_state(item, NODES).ended


def tasks(*nodes: str) -> list[TaskState]:
    """Running tasks, slots from 1, one per node name."""
    item = recorded("tasks")["running"]
    return [
        task_state({**item, "ID": f"{node}.{slot}", "Slot": slot, "NodeID": node}, {})
        for slot, node in enumerate(nodes, 1)
    ]


@pytest.mark.parametrize(
    ("nodes", "count", "expected"),
    [
        pytest.param("aaa", 1, ["a.3"], id="one node: the highest slot"),
        pytest.param("aab", 1, ["a.2"], id="the node that has two"),
        pytest.param("abab", 2, ["b.4", "a.3"], id="the second of each node"),
        pytest.param("abc", 1, ["c.3"], id="one each: the highest slot"),
        pytest.param("abaa", 2, ["a.4", "a.3"], id="until they are even"),
        pytest.param("ab", 0, [], id="none"),
    ],
)
def test_which_tasks_swarm_will_remove(nodes: str, count: int, expected: list[str]) -> None:
    assert [task.id for task in leaving_first(reversed(tasks(*nodes)), count)] == expected
