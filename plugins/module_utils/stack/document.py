# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stack file that releases one colour of a Compose project's target, with its side targets."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..compose.project import ComposeProject
from ..core.errors import DeliveryError
from ..core.names import color_name, service_name
from .dialect import BASE_DIALECT, EVERY_DIALECT
from .mentions import warn_mentions
from .naming import COLOR_LABEL, PROJECT_LABEL, TARGET_LABEL, stack_key
from .published_ports import Port, colored_ports, main_port, published_ports, registration_names
from .resources import name_credential_specs, used_networks, used_objects, used_volumes
from .service import replicas, translate_service
from .warnings import Warnings

Service = dict[str, Any]

_SECTIONS = ("networks", "volumes", "configs", "secrets")


@dataclass(frozen=True, slots=True)
class SideTarget:
    """What a side target runs with already, and keeps: instances and pinned image. C(None): what the file says."""

    replicas: int | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class StackDocument:
    """A stack file for C(docker stack deploy).

    C(service) is the target's key in it, C(<target>-<color>), or C(<target>) without a colour; C(registered) its
    service name in Consul; C(target_port) the container port behind it. C(content) is the file itself, its dollar
    signs doubled; C(files) what configs and secrets contain, by the file name that C(content) gives relative to
    itself. C(spec_hash) is that of spec_hash(). C(warnings) say what Swarm cannot do, one sentence each.
    """

    project: str
    service: str
    registered: str
    target_port: int
    replicas: int | None
    spec_hash: str
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
    instances: int | None = None,
    images: Mapping[str, str] | None = None,
    side_targets: Sequence[str] = (),
    running: Mapping[str, SideTarget] | None = None,
    labels: Mapping[str, str] | None = None,
    target_port: int | None = None,
    dialect: tuple[int, int] = BASE_DIALECT,
) -> StackDocument:
    """Translate C(target), in C(color), and C(side_targets) of a project to the stack dialect; all else is left out.

    C(color) C(None) means no blue-green: the target keeps its name and is updated start-first. C(instances) of the
    target default to what the file says, else 1. C(images) maps images as the file writes them to pinned references,
    C(running) side targets to what they keep. C(labels) are further service labels of the target. C(target_port) is
    the container port that the proxy uses, by default the first TCP port. C(dialect) is the newest that the Docker
    client accepts, see client_dialect(). Raises DeliveryError when the target or a side target cannot be deployed.
    """
    warnings = Warnings(list(project.warnings))
    registered = service_name(project.name, target)
    if color is not None:
        registered = color_name(registered, color)
    given = check_target(project, target, colored=color is not None)
    port = main_port(target, given["ports"], target_port, ", ".join(project.files), given.get("expose") or [])
    key = stack_key(target, color)
    pinned = images or {}
    service = _target_service(project, target, color, registered, port, dialect, warnings)
    deploy = service.setdefault("deploy", {})
    if deploy.get("mode", "replicated") == "replicated":
        deploy["replicas"] = instances if instances is not None else deploy.get("replicas", 1)
    own = {PROJECT_LABEL: project.name, TARGET_LABEL: target, **({COLOR_LABEL: color} if color else {})}
    deploy["labels"] = {**deploy.get("labels", {}), **own, **(labels or {})}
    service["image"] = pinned.get(service["image"], service["image"])
    services = {key: service}
    for name in dict.fromkeys(side_targets):
        if name == target:
            raise DeliveryError(f"side_targets names the target '{target}' itself: remove it there")
        kept = (running or {}).get(name, SideTarget())
        services[name] = _side_service(project, name, kept, pinned, dialect, warnings)
    if color is not None:
        warn_mentions(target, {name: project.services[name] for name in side_targets}, warnings)
    for name in sorted(set(given.get("depends_on") or ()) - set(services)):
        warnings.service(target, f"it depends on '{name}', which is not deployed with it: add it to side_targets")
    content, files = _sections(project, services, warnings)
    content = {"version": "{}.{}".format(*dialect), "services": services, **content}
    return StackDocument(
        project=project.name,
        service=key,
        registered=registered,
        target_port=port,
        replicas=deploy.get("replicas"),
        spec_hash=spec_hash(project, target, colored=color is not None, images=pinned, target_port=target_port),
        warnings=tuple(warnings.sentences),
        content=_escape(content),
        files=files,
    )


def spec_hash(
    project: ComposeProject,
    target: str,
    *,
    colored: bool = True,
    images: Mapping[str, str] | None = None,
    image_identity: str = "",
    target_port: int | None = None,
) -> str:
    """A hash (64 hex digits) of all that the target's definition says: image, environment, networks, volumes, what
    its configs and secrets contain, and so on.

    It does not depend on the colour, on the number of instances, on labels that a release adds, or on which Docker
    client will deploy it. Of an image the pinned reference in C(images) counts; an image that has no digest because
    it exists only locally can be told apart by C(image_identity), such as its id.
    """
    ignored = Warnings()
    given = check_target(project, target, colored=colored)
    port = main_port(target, given["ports"], target_port, ", ".join(project.files), given.get("expose") or [])
    service = _target_service(project, target, "color" if colored else None, "", port, EVERY_DIALECT, ignored)
    service.get("deploy", {}).pop("replicas", None)
    service["image"] = (images or {}).get(service["image"], service["image"])
    sections, _files = _sections(project, {target: service}, ignored)
    subject = {"schema": 1, "service": service, "image": image_identity, "port": port, **sections}
    return hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()


def check_target(project: ComposeProject, target: str, *, colored: bool = True) -> Service:
    """The target's definition, with C(ports) a list. Raises DeliveryError, with the fix, when it cannot be released."""
    service = {**project.service(target)}
    _check_image(project, target, service, "target")
    where = ", ".join(project.files)
    mode = (service.get("deploy") or {}).get("mode", "replicated")
    if colored and mode != "replicated":
        raise DeliveryError(
            f"target '{target}' has deploy.mode '{mode}', which has no number of instances to carry over: "
            f"remove it in {where} or set blue_green to false"
        )
    if service.get("network_mode") == "host":
        raise DeliveryError(
            f"target '{target}' has network_mode 'host', where two releases cannot listen on one port: "
            f"remove network_mode and list the port under ports in {where}"
        )
    service["ports"] = list(service.get("ports") or ())
    return service


def _check_image(project: ComposeProject, name: str, service: Service, option: str) -> None:
    if not service.get("image"):
        builds = "only build" if service.get("build") else "no image"
        raise DeliveryError(
            f"{option} '{name}' has {builds}, and a Swarm does not build: build and push the image, then name it "
            f"with 'image:' in {', '.join(project.files)}"
        )


def _target_service(
    project: ComposeProject,
    target: str,
    color: str | None,
    registered: str,
    port: int,
    dialect: tuple[int, int],
    warnings: Warnings,
) -> Service:
    """The target as it is deployed, its image and instances still those of the file."""
    given = project.service(target)
    service = translate_service(target, given, project.directory, dialect, warnings)
    deploy = service.setdefault("deploy", {})
    ports: list[Port] = list(given.get("ports") or ())
    if color is not None or not any(entry.get("published") for entry in ports):
        service["ports"] = colored_ports(target, ports, warnings)
        # The proxy balances; a virtual IP would be a second balancer behind it, and host mode does without.
        deploy["endpoint_mode"] = "dnsrr"
    else:
        service["ports"] = published_ports(target, ports, warnings)
    if color is None:
        # Users' own choices win over these.
        deploy["update_config"] = {"order": "start-first", "failure_action": "rollback"} | deploy.get(
            "update_config", {}
        )
    environment = service.setdefault("environment", {})
    for variable, value in registration_names(registered, ports, port).items():
        if registered and environment.get(variable, value) != value:
            warnings.service(target, f"{variable} is set to '{value}', the name under which proxies find this release")
        environment[variable] = value
    aliases = sorted(
        {alias for joined in service.get("networks", {}).values() for alias in (joined or {}).get("aliases", ())}
    )
    if color is not None and aliases:
        warnings.service(
            target, f"alias {', '.join(aliases)} reaches both colours, a release that is not live yet among them"
        )
    return service


def _side_service(
    project: ComposeProject,
    name: str,
    kept: SideTarget,
    pinned: Mapping[str, str],
    dialect: tuple[int, int],
    warnings: Warnings,
) -> Service:
    given = project.service(name, "side_targets")
    _check_image(project, name, given, "side target")
    service = translate_service(name, given, project.directory, dialect, warnings)
    ports = published_ports(name, list(given.get("ports") or ()), warnings)
    if ports:
        service["ports"] = ports
    deploy = service.setdefault("deploy", {})
    if deploy.get("mode", "replicated") == "replicated":
        deploy["replicas"] = kept.replicas if kept.replicas is not None else replicas(given) or 1
    deploy["labels"] = {**deploy.get("labels", {}), PROJECT_LABEL: project.name}
    service["image"] = kept.image or pinned.get(service["image"], service["image"])
    return service


def _sections(
    project: ComposeProject, services: Mapping[str, Service], warnings: Warnings
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The top-level sections that C(services) need, the empty ones left out."""
    name, document = project.name, project.document
    found: dict[str, Any] = {
        "networks": used_networks(services, document, name, warnings),
        "volumes": used_volumes(services, document, name, warnings),
    }
    files: dict[str, bytes] = {}
    for section in ("configs", "secrets"):
        found[section], more = used_objects(section, services, document, project.contents, name, warnings)
        files |= more
    name_credential_specs(services, found["configs"])
    return {section: found[section] for section in _SECTIONS if found[section]}, files


def _escape(value: Any) -> Any:
    """Double the dollar signs: C(docker stack deploy) interpolates once more."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escape(item) for item in value]
    if isinstance(value, dict):
        return {key: _escape(item) for key, item in value.items()}
    return value
