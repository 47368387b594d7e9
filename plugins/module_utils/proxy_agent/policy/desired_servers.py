# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The servers that every backend should have, from the instances that the catalog names and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...core.color import COLORS
from ...core.names import color_name
from ...ports.catalog import Instance
from ...routes.route import Route
from ..endpoint import Endpoint
from .judgement import followed_colors, judge


class Instances(Protocol):
    """The catalog's last answer by backend."""

    def __call__(self, backend: str, /) -> Sequence[Instance] | None:
        """None when there was none yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a backend: the servers it should have had, and those of them whose own check passes."""

    before: Sequence[Endpoint] = ()
    up: Collection[Endpoint] = ()


def desired_servers(
    routes: Iterable[Route], instances: Instances, known: Callable[[str], Known]
) -> tuple[dict[str, tuple[Endpoint, ...]], list[str]]:
    """The servers by backend, and what is worth telling. A colour that nobody follows has none."""
    servers: dict[str, tuple[Endpoint, ...]] = {}
    notes: list[str] = []
    for route in routes:
        followed = followed_colors(route)
        for color in COLORS:
            name = color_name(route.service, color)
            if color not in followed:
                servers[name] = ()
                continue
            one = known(name)
            judgement = judge(name, instances(name), one.before, followed[color], one.up, route.own(color).spec)
            servers[name] = judgement.servers
            notes.extend(judgement.notes)
    return servers, notes


def followed_names(routes: Iterable[Route]) -> set[str]:
    """The backends whose instances are followed, by their name in the catalog."""
    return {color_name(route.service, color) for route in routes for color in followed_colors(route)}
