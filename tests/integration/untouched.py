# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sure that something changes nothing in Docker and Consul, while stories in other lanes change things there."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .project import World

KINDS = ("routes", "releases", "locks")


@contextmanager
def nothing_changes(world: World, mine: Set[str], live: str, session: Path) -> Iterator[None]:
    """AssertionError when the block made or removed a route, a release or a lock, or changed a service in Swarm.

    C(mine) are the projects whose services count, C(live) is the one of them whose route and release may not change
    either. Other lanes' projects are none of its business; C(session) is where pytest keeps the folders of all lanes.
    """
    before = _everything(world, mine, live)
    yield
    after = _everything(world, mine, live)
    # A project has its folder before it has anything in Consul.
    others = {folder.name for folder in session.glob("popen-*/projects*/*")} - mine
    assert _without(others, before) == _without(others, after), "something was touched"


def _everything(world: World, mine: Set[str], live: str) -> dict[str, Any]:
    keys = [key for kind in KINDS for key in world.consul.keys(f"{kind}/")]
    documents = {key: world.consul.value(key) if _of({live}, key) else None for key in keys}
    return documents | {name: world.swarm.services(name) for name in mine}


def _without(projects: Set[str], state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not _of(projects, key)}


def _of(projects: Set[str], key: str) -> bool:
    """Whether a key is of a service of one of the projects."""
    return key.startswith(tuple(f"{kind}/{project}-" for kind in KINDS for project in projects))
