# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Finding services that call a coloured one by its name, which nothing in the stack answers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..compose.dependencies import dependencies
from ..core.color import COLORS
from .naming import stack_key, swarm_service_name
from .warnings import Warnings

Definition = Mapping[str, Any]


_HOST_VARIABLE = re.compile(r"HOST|ADDR|SERVER|URL|URI|ENDPOINT|UPSTREAM|BACKEND|PEER", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What runs in the project's stack, whichever release brought it up.

    C(colored) are the targets that have colours, C(names) what any service answers to, and C(callers) the services,
    by their name in the Compose file, as far as they could call others.
    """

    colored: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    callers: Mapping[str, Definition] = field(default_factory=dict)


NOBODY = Neighbours()


def warn_names(
    project: str,
    target: str,
    color: str | None,
    services: Mapping[str, Definition],
    neighbours: Neighbours,
    warnings: Warnings,
) -> None:
    """Warn where somebody calls a coloured service by its name: what is deployed now, or what runs calls the target.

    C(services) are the target and its side targets as Compose writes them.
    """
    own = {target} if color is not None else set()
    answering = {name for name in services if name not in own} | neighbours.names
    answering |= {alias for service in services.values() for alias in _aliases(service)}
    for name in sorted((neighbours.colored - {target}) & set(services)):
        warnings.say(
            f"side_targets names '{name}', which is released blue-green itself: remove it there, or a second one "
            f"without a colour runs beside its releases"
        )
    silent = sorted((own | neighbours.colored) - answering)
    for name in silent:
        callers = {caller: service for caller, service in services.items() if caller != name}
        if name in own:
            callers |= {caller: one for caller, one in neighbours.callers.items() if caller not in services}
        warn_mentions(name, callers, warnings, project)
    # A container knows its own host name.
    if target in silent and services[target].get("hostname") != target:
        for place in _mentions(target, services[target], project, sure=True):
            _warn(target, place, target, warnings)


def warn_dependencies(services: Mapping[str, Definition], neighbours: Neighbours, warnings: Warnings) -> None:
    """Warn where one of C(services) depends on what is neither deployed with it nor there already."""
    there = set(services) | neighbours.colored | set(neighbours.callers)
    for caller, service in services.items():
        for name, (_condition, required) in sorted(dependencies(service).items()):
            if required and name not in there:
                warnings.service(
                    caller,
                    f"it depends on '{name}', which does not run and is not deployed with it: add it to side_targets, "
                    f"or release it first where it is a target of its own",
                )


def warn_mentions(target: str, services: Mapping[str, Definition], warnings: Warnings, project: str = "") -> None:
    """Warn for each of C(services) whose environment, command, health check, links or C(depends_on) name C(target)."""
    for name, service in services.items():
        if any(str(host).startswith((f"{target}:", f"{target}=")) for host in service.get("extra_hosts") or ()):
            continue
        for place in _mentions(target, service, project):
            _warn(name, place, target, warnings)


def _warn(name: str, place: str, target: str, warnings: Warnings) -> None:
    colors = " and ".join(stack_key(target, color) for color in COLORS)
    warnings.service(
        name,
        f"{place} names '{target}', a name that nothing in the stack answers to because it is released blue-green: "
        f"call it through the proxy, its colours are {colors}",
    )


def _mentions(target: str, service: Definition, project: str, *, sure: bool = False) -> Iterator[str]:
    """Where C(service) names C(target); C(sure) leaves out what may be another use of the word."""
    names = [target, f"tasks.{target}"]
    if project:
        names += [swarm_service_name(project, target), f"tasks.{swarm_service_name(project, target)}"]
    name = "(?:" + "|".join(re.escape(one) for one in names) + ")"
    # Only where a host name stands: app:8080, //app/, user@app, tcp(app) - not /app, app.py or my-app.
    host = re.compile(rf"(?:^|[\s=,;@(\[\"']|//){name}(?=:\d|[/?#](?!\w*\.\w)|$|[\s,;)\]\"'])")
    certain = re.compile(rf"(?:^|[\s=,;(\[\"']){name}:\d|(?://|@){name}(?![\w.-])")
    if not sure and target in (service.get("depends_on") or {}):
        yield "depends_on"
    for key in ("links", "external_links"):
        if any(str(link).partition(":")[0] == target for link in service.get(key) or ()):
            yield key
    for variable, value in (service.get("environment") or {}).items():
        pattern = host if _HOST_VARIABLE.search(variable) and not sure else certain
        if value is not None and pattern.search(str(value)):
            yield f"environment.{variable}"
    for key, words in (
        ("command", service.get("command")),
        ("entrypoint", service.get("entrypoint")),
        ("healthcheck.test", (service.get("healthcheck") or {}).get("test")),
    ):
        if any(certain.search(str(word)) for word in words or ()):
            yield key


def _aliases(service: Definition) -> Sequence[str]:
    joined = (service.get("networks") or {}).values()
    return [str(alias) for one in joined for alias in (one or {}).get("aliases") or ()]
