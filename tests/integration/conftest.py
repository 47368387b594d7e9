# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user stories share. Everything is real: the playbooks, Docker, Consul, HAProxy and its agent.

C(world) provisions this machine once per session, through playbooks/provision.yml. A story takes C(new_project) and
gets projects that disturb no other story; they are removed at its end.

Most of them disturb no other story: C(make stories) tells those side by side, in lanes (workers of pytest-xdist) that
take one file after the other. What breaks or measures a part that others use has the mark C(alone) and comes later.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.playbook import ROOT
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.provisioning import machine, provision

# They begin first, so that at the end no lane is left with one of them.
LONG = ["test_bad_versions", "test_walkthrough", "test_candidate_tests", "test_three_proxies", "test_two_at_once"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; a lane takes them in the order of the collection."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def world(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """This machine, provisioned: by the first lane that needs it, while the others wait."""
    folder = ROOT / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "provisioning.lock").open("w") as lock:  # also against another session on this machine
        fcntl.flock(lock, fcntl.LOCK_EX)
        if worker_id == "master":  # no lanes
            return provision()
        provisioned = (
            tmp_path_factory.getbasetemp().parent / "provisioned"
        )  # all lanes of this session share the parent
        if not provisioned.exists():
            provision()
            provisioned.touch()
    return machine()


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
