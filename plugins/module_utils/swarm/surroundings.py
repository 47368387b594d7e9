# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What surrounds a deployment, from the Swarm API: the services of its stack, and the nodes it may run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.color import COLORS
from ..core.labels import COLOR_LABEL, PROJECT_LABEL, TARGET_LABEL
from ..ports.engine import Engine
from ..stack.mentions import Neighbours
from ..stack.naming import swarm_service_name
from ..stack.placement import Node


def neighbours(project: str, items: Iterable[Mapping[str, Any]]) -> Neighbours:
    """From the elements of C(GET /services) that belong to a project's stack. What is scaled to zero says nothing."""
    colored, names, callers = set(), set(), {}
    for item in items:
        spec = item["Spec"]
        labels = spec.get("Labels") or {}
        name = str(spec["Name"]).removeprefix(f"{project}_")
        if labels.get(COLOR_LABEL) and labels.get(PROJECT_LABEL) == project:
            name = str(labels.get(TARGET_LABEL, name))
            colored.add(name)
        if (spec.get("Mode", {}).get("Replicated") or {}).get("Replicas") == 0:
            continue
        template = spec["TaskTemplate"]
        names |= {alias for network in template.get("Networks") or () for alias in network.get("Aliases") or ()}
        callers[name] = _definition(template["ContainerSpec"])
    return Neighbours(frozenset(colored), frozenset(names), callers)


def nodes(items: Iterable[Mapping[str, Any]]) -> list[Node]:
    """From C(GET /nodes), those on which Swarm may start something; one that is down comes back."""
    return [
        Node(
            id=str(item["ID"]),
            hostname=str(item["Description"].get("Hostname", "")),
            role=str(item["Spec"].get("Role", "worker")),
            system=str((item["Description"].get("Platform") or {}).get("OS", "linux")),
            architecture=str((item["Description"].get("Platform") or {}).get("Architecture", "x86_64")),
            labels=item["Spec"].get("Labels") or {},
            engine_labels=(item["Description"].get("Engine") or {}).get("Labels") or {},
        )
        for item in items
        if item["Spec"].get("Availability", "active") != "drain"
    ]


def whereabouts(
    engine: Engine, project: str, target: str, side_targets: Iterable[str], places: Sequence[Node]
) -> dict[str, list[str]]:
    """Which of these are there, the target in any colour or none, and the names of the nodes on which they run."""
    hostnames = {node.id: node.hostname for node in places}
    found: dict[str, list[str]] = {}
    looked_up = [(target, color) for color in (None, *COLORS)] + [(name, None) for name in side_targets]
    for name, color in looked_up:
        service = engine.service(swarm_service_name(project, name, color))
        if service is not None:
            running = {task.node_id for task in engine.tasks(service) if task.running or task.lost or task.completed}
            at = {hostnames[one] for one in running if one in hostnames}
            found[name] = sorted(at.union(found.get(name, ())))
    return found


def _definition(container: Mapping[str, Any]) -> dict[str, Any]:
    """As Compose would write it, as far as it may name another service."""
    return {
        "environment": dict(entry.partition("=")[::2] for entry in container.get("Env") or ()),
        "command": list(container.get("Args") or ()),
        "entrypoint": list(container.get("Command") or ()),
        "healthcheck": {"test": list((container.get("Healthcheck") or {}).get("Test") or ())},
        "extra_hosts": [":".join(reversed(entry.split())) for entry in container.get("Hosts") or ()],
    }
