# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user stories share. Everything is real: the playbooks, Docker, Consul, HAProxy and its agent.

C(world) provisions this machine once per session, through playbooks/provision.yml. A story takes C(new_project) and
gets projects that disturb no other story; they are removed at its end.

The stories mostly wait, so C(make integration) tells them side by side, in lanes (workers of pytest-xdist). A lane
takes a whole file, or a whole folder whose files share ports. What breaks or measures a part that others use has the
mark C(alone) and is told afterwards, one after the other.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.provisioning import machine, provision
from xdist.scheduler import LoadScopeScheduling

# They begin first, longest first, so that at the end no lane is left with one of them.
LONG = ["proxy_agent", "test_bad_versions", "registrator", "test_two_at_once", "test_killed_runs", "test_three_proxies"]


class Lanes(LoadScopeScheduling):
    """Each lane takes one file or folder after the other, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(Path(nodeid.partition("::")[0]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(name) if (name := unit(item.path)) in LONG else len(LONG))


def unit(file: Path) -> str:
    """What one lane takes as a whole: the folder of a file that shares ports with its neighbours, else the file."""
    return file.stem if file.parent.name == "integration" else file.parent.name


@pytest.fixture(scope="session")
def world(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """This machine, provisioned: by the first lane that needs it, while the others wait."""
    if worker_id == "master":  # no lanes
        return provision()
    shared = tmp_path_factory.getbasetemp().parent  # by all lanes of this session, and by no other session
    with (shared / "provisioning.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        provisioned = shared / "provisioned"
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
