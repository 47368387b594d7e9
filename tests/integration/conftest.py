# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user stories share. Everything is real: the playbooks, Docker, Consul, HAProxy and its agent.

C(world) provisions this machine once per session, through playbooks/provision.yml. A story takes C(new_project) and
gets projects that disturb no other story; they are removed at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.provisioning import provision


@pytest.fixture(scope="session")
def world() -> World:
    """This machine, provisioned."""
    return provision()


@pytest.fixture(scope="module")
def new_project(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Project]]:
    """Call C(new_project(name, lean=True)); the project is removed after the last test of the file."""
    folder: Path = tmp_path_factory.mktemp("projects")
    made: list[Project] = []

    def make(name: str, *, lean: bool = False) -> Project:
        project = Project(world, name, folder, lean=lean)
        made.append(project)
        project.remove()  # what an earlier session that was killed has left
        return project

    yield make
    for project in made:
        project.remove()
