# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a release by direct module calls: where a story begins, without the seconds that Ansible takes.

stand(books, "1")              users are on version 1 and nothing else runs, whatever was before
deploy(books, "2")             a candidate waits
flip(books)                    users are on it
stop_old(books)                what they left is stopped
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.modules import (
    blue_green_deploy,
    proxy_reconfigure,
    relative_scale,
    release_stop,
)

from .modules import call
from .project import Project


def deploy(project: Project, version: str, **options: Any) -> dict[str, Any]:
    """A candidate, healthy and registered, with the settings of the project's docker-flow.yml."""
    sides = project.settings().get("side_targets", [])
    source = {"project_src": str(project.folder), "env": {"BOOKS_MS_VERSION": version}, "side_targets": sides}
    return stage(project, blue_green_deploy, **source, **options)


def flip(project: Project, **options: Any) -> dict[str, Any]:
    """Users get the candidate, or what is live already; at the paths of the project's docker-flow.yml."""
    names = ("service_path", "service_domain", "check_path")
    wanted = {name: value for name, value in project.settings().items() if name in names}
    return stage(project, proxy_reconfigure, **wanted, **options)


def stop_old(project: Project, **options: Any) -> dict[str, Any]:
    """Stop what no user gets."""
    return stage(project, release_stop, **options)


def stand(project: Project, version: str, instances: int = 1) -> None:
    """Users are on C(version) with so many C(instances), and nothing else runs. Quick where that is so already."""
    if project.world.consul.release(project.service) is not None:
        stop_old(project, abort=True)  # a candidate that some story left
    color = deploy(project, version)["color"]
    flip(project, color=color)
    stop_old(project)
    if project.counts()[f"app-{color}"] != instances:
        stage(project, relative_scale, scale=str(instances))


def stage(project: Project, module: ModuleType, **options: Any) -> dict[str, Any]:
    """Call any module of a stage for the project; its failure is a failure of the story."""
    fixed = {"project": project.name, "target": "app", "consul_prefix": project.world.consul.prefix}
    result = call(module, fixed | options)
    assert not result.get("failed"), f"{module.__name__.rpartition('.')[2]}: {result}"
    return result
