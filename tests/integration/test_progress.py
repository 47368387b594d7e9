# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: who watches a release sees what it waits for, and who reads its output as a machine gets that output alone.

Time budget: 50 s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.playbook import Playbook, PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.project import Project

pytestmark = pytest.mark.alone  # it looks at the files of all runs on this machine


def waiting(text: str) -> list[str]:
    """The lines that say what the machine C(local) waits for."""
    return [line for line in text.splitlines() if line.startswith("[local] ")]


@pytest.fixture(scope="module")
def books(new_project: Callable[..., Project]) -> Project:
    return new_project("watched", lean=True)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """The module removes the file in which it says what it waits for; runs that other stories killed could not."""
    before = progress_files()
    yield
    assert progress_files() <= before


def release(books: Project, version: str, **environment: str) -> PlaybookResult:
    """Deploy C(version), which the proxies see a while after it started, with these variables for the controller."""
    command = books.command("deploy.yml", version, flow="deploy", force=True)
    command.environment |= environment
    result = command.run()
    assert result.succeeded, str(result)
    return result


def test_people_see_what_it_waits_for(books: Project) -> None:
    result = release(books, "1")
    assert waiting(result.stderr), str(result)
    assert waiting(result.stdout) == []


def test_a_machine_reads_one_document(books: Project) -> None:
    result = release(books, "2", ANSIBLE_STDOUT_CALLBACK="json_only")
    tasks = json.loads(result.stdout)["tasks"]
    assert any(name.endswith("Deploy the next colour, healthy and registered") for name in tasks), tasks
    assert waiting(result.stderr), "nothing was waited for, so this showed nothing"


def test_it_can_be_switched_off(books: Project) -> None:
    assert waiting(release(books, "1", DOCKER_FLOW_PROGRESS="no").stderr) == []


HOW: list[Any] = [
    pytest.param({}, id="followed"),
    pytest.param({"async": 60, "poll": 1}, id="async"),
    pytest.param({"become": True}, id="a password that is asked for after a first look"),
]


@pytest.mark.parametrize("how", HOW)
def test_the_result_is_the_module_s_own(books: Project, tmp_path: Path, how: dict[str, Any]) -> None:
    take = {"name": "Take", "dockerflow.delivery.release_lock": {"project": books.name, "target": "app"}}
    give = {"project": books.name, "target": "app", "run": "{{ taken.run }}", "state": "released"}
    tasks: list[dict[str, Any]] = [
        {**take, **how, "register": "taken"},
        {"name": "Give back", "dockerflow.delivery.release_lock": give, **how},
    ]
    become = {"ansible_become_exe": str(slow_sudo(tmp_path)), "ansible_become_password": "x"}
    play = {"hosts": "managers", "gather_facts": False, "vars": become, "tasks": tasks}
    playbook = tmp_path / "lock.yml"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    environment = {"ANSIBLE_BECOME_ALLOW_SAME_USER": "1", "ANSIBLE_TIMEOUT": "5"}
    result = Playbook(str(playbook), environment=environment).run()
    assert result.succeeded, str(result)
    taken, given = result.all_of("release_lock")
    assert taken.values["run"]
    assert given.values["run"] is None
    assert books.world.consul.lock(books.service) is None


def slow_sudo(folder: Path) -> Path:
    """What stands for sudo on a slow link: it asks for the password when the module has been looked at already."""
    path = folder / "sudo"
    path.write_text(
        "#!/bin/bash\n"
        "while [[ $1 == -* ]]; do case $1 in -p) prompt=$2; shift ;; -u) shift ;; esac; shift; done\n"
        'sleep 1.5; printf %s "$prompt" >&2; read -r _password; exec "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def progress_files() -> set[Path]:
    return set(Path("/tmp").glob(".docker-flow-progress-*"))
