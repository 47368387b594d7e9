# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What C(depends_on) asks for: which service waits for which, until when, and in which order they start."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import DeliveryError

STARTED = "service_started"
HEALTHY = "service_healthy"
COMPLETED = "service_completed_successfully"
# Who waits for more waits for less, too.
CONDITIONS = (STARTED, HEALTHY, COMPLETED)


@dataclass(frozen=True, slots=True)
class Awaited:
    """A service that starts before others. C(conditions) are what these wait for, none where nobody waits for it.

    C(required) False: all who wait would go on without it.
    """

    name: str
    conditions: tuple[str, ...] = ()
    required: bool = False


def start_order(
    services: Mapping[str, Mapping[str, Any]], target: str, side_targets: Collection[str]
) -> tuple[tuple[Awaited, ...], ...]:
    """The side targets in waves: all that one of them depends on are in the waves before its own.

    The target starts after the last wave; a side target cannot wait for it. Raises DeliveryError where they wait for
    each other.
    """
    names = [name for name in dict.fromkeys(side_targets) if name != target]
    edges = {name: dependencies(services[name]) for name in (*names, target)}
    levels: dict[str, int] = {}

    def level(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise DeliveryError(f"depends_on goes round in a circle, {circle}: take one of these away")
        if name not in levels:
            before = [level(other, (*path, name)) for other in edges[name] if other in names]
            levels[name] = 1 + max(before, default=-1)
        return levels[name]

    waves: list[list[Awaited]] = []
    for name in sorted(names, key=lambda one: level(one, ())):
        waits = [edges[other][name] for other in (*names, target) if name in edges[other]]
        conditions = {condition for condition, _required in waits}
        one = Awaited(
            name,
            tuple(condition for condition in CONDITIONS if condition in conditions),
            any(required for _condition, required in waits),
        )
        while len(waves) <= levels[name]:
            waves.append([])
        waves[levels[name]].append(one)
    return tuple(tuple(wave) for wave in waves)


def dependencies(service: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """What a service depends on: the condition, and whether it is required."""
    found = {}
    for name, given in (service.get("depends_on") or {}).items():
        condition = (given or {}).get("condition") or STARTED
        found[name] = (condition if condition in CONDITIONS else STARTED, (given or {}).get("required") is not False)
    return found


def jobs(services: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> set[str]:
    """Those that one of C(names) waits for until they completed: they do their work and end."""
    return {
        other
        for name in names
        for other, (condition, _required) in dependencies(services[name]).items()
        if condition == COMPLETED
    }
