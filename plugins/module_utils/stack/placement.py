# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where Swarm may start a service, and which of its data would stay behind on another node."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ..compose.project import ComposeProject
from ..core.errors import DeliveryError
from .mounts import SYSTEM
from .warnings import Warnings

_CONSTRAINT = re.compile(r"\s*([\w.\-/]+)\s*(==|!=)\s*(.*?)\s*")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# What lies on the node itself; nfs, cifs and the like are the same from everywhere, tmpfs is meant to be lost.
_LOCAL_TYPES = ("", "none", "bind", "ext4", "xfs", "btrfs")


@dataclass(frozen=True, slots=True)
class Node:
    """A node on which Swarm may start something. C(engine_labels) are the daemon's own labels."""

    id: str
    hostname: str
    role: str = "worker"
    system: str = "linux"
    architecture: str = "x86_64"
    labels: Mapping[str, str] = field(default_factory=dict)
    engine_labels: Mapping[str, str] = field(default_factory=dict)


def eligible(constraints: Sequence[str], nodes: Sequence[Node]) -> list[Node]:
    """The nodes that meet all C(constraints), as Swarm reads them; one that is unknown here excludes none."""
    return [node for node in nodes if all(_meets(node, constraint) for constraint in constraints)]


def check_data(
    project: ComposeProject,
    target: str,
    side_targets: Sequence[str],
    nodes: Sequence[Node],
    running: Mapping[str, Collection[str]],
    warnings: Warnings,
) -> None:
    """Refuse, or warn of, data on one node that a service would not find again when Swarm starts it on another.

    C(running) are those that are there already, with the names of the nodes where they run: what these have is not lost
    by this release. A side target that is new is refused with its named volumes. Raises DeliveryError.
    """
    for name in dict.fromkeys((target, *side_targets)):
        service = project.services[name]
        deploy = service.get("deploy") or {}
        constraints = (deploy.get("placement") or {}).get("constraints") or ()
        places = sorted(node.hostname for node in eligible(constraints, nodes))
        if len(places) < 2 or str(deploy.get("mode", "")).startswith("global"):
            continue
        at = sorted(running.get(name, ()))
        anywhere = f"any of {len(places)} nodes ({', '.join(places)})"
        for kind, source, sure in local_data(service, project.document.get("volumes") or {}):
            node, which = _place(kind, at)
            advice = (
                f"add deploy.placement.constraints: ['node.hostname == {node}'] to service '{name}' in "
                f"{', '.join(project.files)}{which}, or keep it where all nodes reach it"
            )
            if sure and name != target and name not in running:
                raise DeliveryError(
                    f"side target '{name}' keeps {kind} '{source}' on the node where it runs, and Swarm may start it "
                    f"on {anywhere}, where it would find an empty one: {advice}"
                )
            warnings.service(
                name,
                f"{kind} '{source}' is on {', '.join(at) or 'one node'} only, and Swarm may start the service on "
                f"{anywhere}, without that data: {advice}",
            )


def local_data(service: Mapping[str, Any], volumes: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """What a service writes to the node it runs on: kind, name, and whether it certainly lies on that node alone.

    Anonymous volumes and tmpfs are meant to end with the container, and what is mounted read-only is not written.
    """
    found = []
    for mount in service.get("volumes") or ():
        source = str(mount.get("source") or "")
        if not source or mount.get("read_only"):
            continue
        if mount["type"] == "volume":
            given = volumes.get(source) or {}
            options = given.get("driver_opts") or {}
            local = given.get("driver") in (None, "", "local") and str(options.get("type", "")) in _LOCAL_TYPES
            if local:
                # An external one may have been made with any driver.
                found.append(("volume", source, not given.get("external") and not options))
        elif mount["type"] == "bind" and not any(PurePosixPath(source).is_relative_to(one) for one in SYSTEM):
            found.append(("directory", source, False))
    return found


def _place(kind: str, at: Sequence[str]) -> tuple[str, str]:
    """The node to write down, or a word for it and what it stands for. A guess would lead away from the data."""
    if len(at) == 1:
        return at[0], ""
    if at:
        return "NODE", f", NODE being the one of {', '.join(at)} whose data counts"
    look = " (docker volume ls there)" if kind == "volume" else ""
    return "NODE", f", NODE being the node that has it{look}, or any one if it is new"


def _meets(node: Node, constraint: str) -> bool:
    match = _CONSTRAINT.fullmatch(constraint)
    if match is None:
        return True
    key, operator, wanted = match.groups()
    have = _value(node, key)
    if have is None:
        return True
    if key == "node.platform.arch":
        have, wanted = (_ARCHITECTURES.get(one, one) for one in (have, wanted))
    return (have.lower() == wanted.lower()) is (operator == "==")


def _value(node: Node, key: str) -> str | None:
    for prefix, labels in (("node.labels.", node.labels), ("engine.labels.", node.engine_labels)):
        if key.startswith(prefix):
            return labels.get(key.removeprefix(prefix), "")
    return {
        "node.id": node.id,
        "node.hostname": node.hostname,
        "node.role": node.role,
        "node.platform.os": node.system,
        "node.platform.arch": node.architecture,
    }.get(key)
