# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the Swarm API says of services and tasks, reduced to what a release needs to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.labels import IMAGE_LABEL, RUN_LABEL, SERVICE_LABEL, SPEC_LABEL
from ..ports.engine import Phase, ServiceState, TaskState, UpdateState

# Task states from which a task never comes back (Swarm's own order of states).
_ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
_FAILED = frozenset({"failed", "rejected", "orphaned"})


_STARTING = "starting"
# What Docker waits between the stop signal and killing where nothing is said, in nanoseconds.
_STOP_GRACE = 10_000_000_000
# How an update ends. Docker's own command line exits with 0 for all of them (docker/cli#6752).
_PHASES: Mapping[str, Phase] = {
    "updating": "updating",
    "completed": "completed",
    "paused": "paused",
    "rollback_paused": "paused",
    "rollback_started": "rolling_back",
    "rollback_completed": "rolled_back",
}


def service_state(item: Mapping[str, Any]) -> ServiceState:
    """From an element of C(GET /services)."""
    spec = item["Spec"]
    labels = spec.get("Labels") or {}
    container = spec["TaskTemplate"]["ContainerSpec"]
    mode = spec.get("Mode", {})
    replicas = (mode.get("Replicated") or {}).get("Replicas", (mode.get("ReplicatedJob") or {}).get("TotalCompletions"))
    return ServiceState(
        id=item["ID"],
        name=spec["Name"],
        version=int(item["Version"]["Index"]),
        replicas=1 if replicas is None else int(replicas),
        image=container["Image"],
        service=labels.get(SERVICE_LABEL, ""),
        spec=labels.get(SPEC_LABEL, ""),
        image_id=labels.get(IMAGE_LABEL, ""),
        run=labels.get(RUN_LABEL, ""),
        update=_update(item.get("UpdateStatus") or {}),
        stop_grace=container.get("StopGracePeriod", _STOP_GRACE) / 1e9,
        attempts=_attempts(spec["TaskTemplate"].get("RestartPolicy") or {}),
        objects=frozenset(
            {mounted["ConfigName"] for mounted in container.get("Configs") or ()}
            | {mounted["SecretName"] for mounted in container.get("Secrets") or ()}
        ),
        definition=spec["TaskTemplate"],
        native=dict(spec),
    )


def _attempts(policy: Mapping[str, Any]) -> int | None:
    if policy.get("Condition") == "none":
        return 1
    # Swarm takes zero for no limit.
    return int(policy["MaxAttempts"]) + 1 if policy.get("MaxAttempts") else None


def _update(status: Mapping[str, Any]) -> UpdateState | None:
    state = status.get("State")
    if not state:
        return None
    return UpdateState(_PHASES.get(state, "unknown"), state, status.get("Message") or "", status.get("StartedAt"))


def task_state(item: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> TaskState:
    """From an element of C(GET /tasks) and the nodes by id. With a health check, Swarm says running once it passed."""
    status = item.get("Status") or {}
    container = status.get("ContainerStatus") or {}
    node = nodes.get(item.get("NodeID", ""), {})
    ports = (status.get("PortStatus") or {}).get("Ports") or []
    exit_code = container.get("ExitCode")
    state, desired = status.get("State", "new"), item.get("DesiredState", "")
    ended = state in _ENDED
    # Swarm goes on calling a task running that it cannot ask about.
    lost = not ended and (node.get("Status") or {}).get("State") == "down"
    return TaskState(
        id=item["ID"],
        slot=int(item.get("Slot", 0)),
        created=item["CreatedAt"],
        state=state,
        reason=status.get("Err") or status.get("Message") or "",
        running=state == desired == "running" and not lost,
        leaving=not ended and desired != "running",
        ended=ended,
        completed=state == "complete",
        failed=state in _FAILED,
        rejected=state == "rejected",
        starting=state == _STARTING,
        lost=lost,
        node_id=item.get("NodeID", ""),
        node_address=(node.get("Status") or {}).get("Addr", ""),
        container=container.get("ContainerID", ""),
        exit_code=int(exit_code) if exit_code is not None and ended else None,
        ports=frozenset(int(port["PublishedPort"]) for port in ports if port.get("PublishMode") == "host"),
    )


def leaving_first(tasks: Iterable[TaskState], count: int) -> list[TaskState]:
    """The tasks that Swarm will remove: those with the highest ordinal on their node (seen in 5 of 5 trials)."""
    ordinal: Counter[str] = Counter()
    ranked = []
    for task in sorted(tasks, key=lambda task: task.slot):
        ranked.append((ordinal[task.node_id], task.slot, task))
        ordinal[task.node_id] += 1
    ranked.sort(key=lambda one: (one[0], one[1]), reverse=True)
    return [task for _ordinal, _slot, task in ranked[:count]]


def log_lines(raw: bytes) -> list[str]:
    """The lines of a log as Docker sends it."""
    # Docker multiplexes stdout and stderr of containers without a terminal: 8 bytes of header per frame.
    text = b""
    while len(raw) >= 8 and raw[0] in (0, 1, 2) and raw[1:4] == b"\0\0\0":
        size = int.from_bytes(raw[4:8], "big")
        text += raw[8 : 8 + size]
        raw = raw[8 + size :]
    return [line for line in (text + raw).decode("utf-8", "replace").splitlines() if line.strip()]
