# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stack file that releases one colour of a Compose project's target, with its side targets."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..compose.dependencies import COMPLETED, HEALTHY, dependencies, jobs
from ..compose.project import ComposeProject
from ..core.errors import DeliveryError
from ..core.labels import (
    COLOR_LABEL,
    PORT_LABEL,
    PROJECT_LABEL,
    REGISTERED_LABEL,
    SERVICE_LABEL,
    SPEC_LABEL,
    TARGET_LABEL,
)
from ..core.names import color_name, service_name
from ..ports.engine import KeptService
from .dialect import BASE_DIALECT
from .mentions import NOBODY, Neighbours, warn_dependencies, warn_names
from .naming import stack_key
from .published_ports import published_ports
from .releasable import check_image, check_target, is_internal
from .resources import sections
from .service import Service, replicas, translate_service
from .target import translate_target
from .warnings import Warnings


@dataclass(frozen=True, slots=True)
class StackDocument:
    """A stack file for C(docker stack deploy).

    C(project) is the stack's name, C(replicas) the target's instances, C(None) where Swarm counts them itself.
    C(content) is the file, its dollar signs doubled; C(files) what configs and secrets contain, by the file name that
    C(content) gives relative to itself. C(warnings) say what Swarm cannot do, one sentence each.
    """

    project: str
    replicas: int | None
    warnings: tuple[str, ...]
    content: dict[str, Any] = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)

    def write(self, directory: Path) -> Path:
        """Write the stack file and what belongs to it, mode 0600, into an existing directory; returns its path."""
        text = json.dumps(self.content, indent=1, sort_keys=True).encode()
        for name, content in {**self.files, "stack.json": text}.items():
            descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        return directory / "stack.json"


def stack_document(
    project: ComposeProject,
    target: str,
    color: str | None,
    *,
    service: str = "",
    instances: int | None = None,
    images: Mapping[str, str] | None = None,
    side_targets: Sequence[str] = (),
    running: Mapping[str, KeptService] | None = None,
    labels: Mapping[str, str] | None = None,
    target_port: int | None = None,
    dialect: tuple[int, int] = BASE_DIALECT,
    only: Collection[str] | None = None,
    neighbours: Neighbours = NOBODY,
) -> StackDocument:
    """Translate C(target), in C(color), and C(side_targets) of a project to the stack dialect; all else is left out.

    C(color) C(None) means no blue-green: the target keeps its name and is updated start-first. C(service) is its name
    in Consul, without a colour, by default C(<project>-<target>). C(instances) of the
    target default to what the file says, else 1. C(images) maps images as the file writes them to pinned references,
    C(running) side targets to what they keep. C(labels) are further service labels of the target. C(target_port) is
    the container port that the proxy uses, by default the first TCP port. C(dialect) is the newest that the Docker
    client accepts, see client_dialect(). C(only) leaves out the target and all side targets but these, which are
    what they are in the whole. C(neighbours) is what runs in the stack already. Raises DeliveryError when the target
    or a side target cannot be deployed.
    """
    warnings = Warnings(list(project.warnings))
    named = service or service_name(project.name, target)
    registered = named if color is None else color_name(named, color)
    port = check_target(project, target, colored=color is not None, target_port=target_port)
    pinned = images or {}
    translated = translate_target(project, target, color, registered, port, dialect, warnings)
    deploy = translated.setdefault("deploy", {})
    if deploy.get("mode", "replicated") == "replicated":
        deploy["replicas"] = instances if instances is not None else deploy.get("replicas", 1)
    own = {PROJECT_LABEL: project.name, TARGET_LABEL: target, SERVICE_LABEL: named}
    own |= {COLOR_LABEL: color} if color else {}
    deploy["labels"] = {**deploy.get("labels", {}), **own, **(labels or {})}
    if color is not None and (labels or {}).get(SPEC_LABEL):
        # On the containers too: the registrator of a node sees no service, and tells the proxies which release it is.
        # Name and port are labels of ours: an image or the file may have what registrators' conventions say too.
        told = {SPEC_LABEL: (labels or {})[SPEC_LABEL], REGISTERED_LABEL: registered, PORT_LABEL: str(port)}
        translated["labels"] = {**translated.get("labels", {}), **told}
    translated["image"] = pinned.get(translated["image"], translated["image"])
    services = {stack_key(target, color): translated} if only is None else {}
    given = {name: project.service(name, "side_targets") for name in dict.fromkeys((target, *side_targets))}
    # Of all of them, whatever is deployed now: a side target may be a job because of another side target alone.
    works = jobs(project.services, list(given))
    for name in dict.fromkeys(side_targets):
        if name == target:
            raise DeliveryError(f"side_targets names the target '{target}' itself: remove it there")
        if only is not None and name not in only:
            continue
        kept = (running or {}).get(name, KeptService())
        services[name] = _side_service(project, name, kept, pinned, dialect, warnings, job=name in works)
    warn_names(project.name, target, color, given, neighbours, warnings)
    warn_dependencies(given, neighbours, warnings)
    _warn_conditions(given, services, warnings)
    content, files = sections(project, services, warnings)
    content = {"version": "{}.{}".format(*dialect), "services": services, **content}
    return StackDocument(
        project=project.name,
        replicas=deploy.get("replicas"),
        warnings=tuple(warnings.sentences),
        content=_escape(content),
        files=files,
    )


def _side_service(
    project: ComposeProject,
    name: str,
    kept: KeptService,
    pinned: Mapping[str, str],
    dialect: tuple[int, int],
    warnings: Warnings,
    *,
    job: bool,
) -> Service:
    given = project.service(name, "side_targets")
    check_image(project, name, given, "side target")
    service = translate_service(name, given, project.directory, dialect, warnings)
    ports = published_ports(name, list(given.get("ports") or ()), warnings)
    if ports:
        service["ports"] = ports
    for port in ports:
        if port["mode"] == "host" and is_internal(project, given):
            warnings.service(name, f"port {port['target']} is not published, its networks are internal")
    deploy = service.setdefault("deploy", {})
    if deploy.get("mode", "replicated") == "replicated":
        # Zero is a number, too.
        wanted = kept.replicas if kept.replicas is not None else replicas(given)
        deploy["replicas"] = wanted if wanted is not None else 1
    deploy["labels"] = {**deploy.get("labels", {}), PROJECT_LABEL: project.name}
    if job and deploy.get("mode", "replicated") in ("replicated", "global"):
        # Without a word Swarm starts again what ended, Compose does not; a job that ended well is not to run again.
        deploy.setdefault("restart_policy", {"condition": "none"})
    service["image"] = kept.image or pinned.get(service["image"], service["image"])
    return service


def _warn_conditions(given: Mapping[str, Service], services: Mapping[str, Service], warnings: Warnings) -> None:
    """Warn of conditions that cannot be met, or are not met for long."""
    for name, service in given.items():
        for other, (condition, _required) in dependencies(service).items():
            about = services.get(other) or {}
            if condition == HEALTHY and (about.get("healthcheck") or {}).get("disable"):
                warnings.service(
                    name, f"depends_on.{other} waits for {HEALTHY}, but the health check of '{other}' is disabled"
                )
            policy = (about.get("deploy") or {}).get("restart_policy")
            if condition == COMPLETED and policy and policy.get("condition", "any") == "any":
                warnings.service(
                    other,
                    f"'{name}' waits until it completed, but its restart policy starts it again each time: "
                    f"set restart to 'no' or on-failure",
                )


def _escape(value: Any) -> Any:
    """Double the dollar signs: C(docker stack deploy) interpolates once more."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escape(item) for item in value]
    if isinstance(value, dict):
        return {key: _escape(item) for key, item in value.items()}
    return value
