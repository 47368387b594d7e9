# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The target in the stack dialect: what having a colour, or none, makes of its ports, updates and registered names."""

from __future__ import annotations

from ..compose.project import ComposeProject
from .published_ports import Port, colored_ports, open_ports, published_ports, registration_names
from .service import Service, translate_service
from .warnings import Warnings


def translate_target(
    project: ComposeProject,
    target: str,
    color: str | None,
    registered: str,
    port: int,
    dialect: tuple[int, int],
    warnings: Warnings,
) -> Service:
    """The target as it is deployed, its image and instances still those of the file.

    C(color) C(None): it has no colours. C(registered) is its name in Consul, C(port) the container port behind that
    name. C(dialect) is the newest that the Docker client accepts. What cannot be kept is put into C(warnings).
    """
    given = project.service(target)
    service = translate_service(target, given, project.directory, dialect, warnings)
    deploy = service.setdefault("deploy", {})
    ports: list[Port] = list(given.get("ports") or ())
    if color is not None or not any(entry.get("published") for entry in open_ports(target, ports)):
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
