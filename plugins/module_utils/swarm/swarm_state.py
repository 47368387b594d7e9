# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the Swarm API says of services and tasks, reduced to what a release needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..stack.naming import COLOR_LABEL, IMAGE_LABEL, PROJECT_LABEL, RUN_LABEL, SPEC_LABEL, TARGET_LABEL

# The labels belong to what is deployed; those who read services find them here too.
__all__ = [
    "COLOR_LABEL",
    "IMAGE_LABEL",
    "PROJECT_LABEL",
    "RUN_LABEL",
    "SPEC_LABEL",
    "TARGET_LABEL",
    "ServiceState",
    "TaskState",
    "service_state",
    "task_state",
]

# Task states from which a task never comes back (Swarm's own order of states).
_ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
_FAILED = frozenset({"failed", "rejected", "orphaned"})


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A Swarm service. C(version) is the index that an update must give."""

    id: str
    name: str
    version: int
    replicas: int
    labels: Mapping[str, str]
    image: str
    update_state: str | None
    update_message: str | None
    update_started: str | None
    spec: dict[str, Any] = field(repr=False)

    @property
    def objects(self) -> frozenset[str]:
        """The names of the configs and secrets that its containers mount."""
        container = self.spec["TaskTemplate"]["ContainerSpec"]
        configs = {item["ConfigName"] for item in container.get("Configs") or ()}
        return frozenset(configs | {item["SecretName"] for item in container.get("Secrets") or ()})


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task: one instance, or the attempt at one. C(ports) are its ports on the node; IPv4 and IPv6 may differ."""

    id: str
    slot: int
    created: str
    state: str
    desired: str
    node_id: str
    node_address: str
    container: str
    reason: str
    exit_code: int | None
    ports: frozenset[int]

    @property
    def running(self) -> bool:
        """It runs, is healthy if it has a health check, and shall go on running."""
        return self.state == "running" and self.desired == "running"

    @property
    def ended(self) -> bool:
        """It is over."""
        return self.state in _ENDED

    @property
    def completed(self) -> bool:
        """It ended well, as a job does."""
        return self.state == "complete"

    @property
    def failed(self) -> bool:
        """It ended by itself, or could not even start."""
        return self.state in _FAILED


def service_state(item: Mapping[str, Any]) -> ServiceState:
    """From an element of C(GET /services)."""
    spec = item["Spec"]
    update = item.get("UpdateStatus") or {}
    replicas = (spec.get("Mode", {}).get("Replicated") or {}).get("Replicas")
    return ServiceState(
        id=item["ID"],
        name=spec["Name"],
        version=int(item["Version"]["Index"]),
        replicas=1 if replicas is None else int(replicas),
        labels=dict(spec.get("Labels") or {}),
        image=spec["TaskTemplate"]["ContainerSpec"]["Image"],
        update_state=update.get("State"),
        update_message=update.get("Message"),
        update_started=update.get("StartedAt"),
        spec=dict(spec),
    )


def task_state(item: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> TaskState:
    """From an element of C(GET /tasks) and the nodes by id."""
    status = item.get("Status") or {}
    container = status.get("ContainerStatus") or {}
    node = nodes.get(item.get("NodeID", ""), {})
    ports = (status.get("PortStatus") or {}).get("Ports") or []
    exit_code = container.get("ExitCode")
    return TaskState(
        id=item["ID"],
        slot=int(item.get("Slot", 0)),
        created=item["CreatedAt"],
        state=status.get("State", "new"),
        desired=item.get("DesiredState", ""),
        node_id=item.get("NodeID", ""),
        node_address=(node.get("Status") or {}).get("Addr", ""),
        container=container.get("ContainerID", ""),
        reason=status.get("Err") or status.get("Message") or "",
        exit_code=int(exit_code) if exit_code is not None and status.get("State") in _ENDED else None,
        ports=frozenset(int(port["PublishedPort"]) for port in ports if port.get("PublishMode") == "host"),
    )
