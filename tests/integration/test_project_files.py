# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: a release is made of the files that the controller has now, whatever earlier runs left on the manager.

The manager is reached over SSH. Time budget: 100 s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.snapshot import PLAN_PREFIX
from ansible_collections.dockerflow.delivery.tests.integration.playbook import Playbook
from ansible_collections.dockerflow.delivery.tests.integration.project import Project
from ansible_collections.dockerflow.delivery.tests.integration.ssh_machine import ssh_machine
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

NAME = "brought"
SOURCES = {"DOTENV": ".env", "ONE": "one.env", "TWO": "two.env"}


@dataclass(frozen=True, slots=True)
class Remote:
    """A project that is released over SSH. C(home) is where the manager keeps projects."""

    project: Project
    inventory: Path
    home: Path

    def write(self, value: str) -> None:
        """Let each of the three files give its variable this value."""
        for variable, file in SOURCES.items():
            (self.project.folder / file).write_text(f"{variable}={value}\n", encoding="utf-8")

    def command(self, *, check: bool = False, **extra: Any) -> Playbook:
        """A deploy, with an escalation as on most managers."""
        fixed = {"release_directory": str(self.home), "flow": ["deploy"]}
        options = ("-i", str(self.inventory))
        made = self.project.command("deploy.yml", "1", check=check, diff=check, options=options, **(fixed | extra))
        made.environment["ANSIBLE_BECOME_ALLOW_SAME_USER"] = "1"
        return made

    def there(self) -> dict[str, str]:
        """What the project's directory on the manager holds."""
        return contents(self.home / self.project.name)

    def expected(self) -> dict[str, str]:
        """What of the project's files a manager needs."""
        needed = {"docker-compose.yml", *SOURCES.values()}
        return {name: text for name, text in contents(self.project.folder).items() if name in needed}

    def candidate(self) -> dict[str, str]:
        """What the candidate's program gets of the three files."""
        color = "green" if self.project.live == "blue" else "blue"
        found = self.project.world.swarm.services(self.project.name)[f"app-{color}"].environment
        return {variable: found[variable] for variable in SOURCES}


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes().decode(errors="replace") for path in files}


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and directory with its inode and the time of its last change."""
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}


@pytest.fixture(scope="module")
def remote(new_project: Callable[..., Project], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """Users are on a release that was made over SSH."""
    project = new_project(NAME, lean=True)
    document = project.compose()
    app = document["services"]["app"]
    app.setdefault("environment", {})["DOTENV"] = "${DOTENV:-none}"
    app["env_file"] = ["one.env", "two.env"]
    project.write_compose(document)
    with ssh_machine(tmp_path_factory.mktemp("ssh"), f"{NAME}-sshd") as inventory:
        remote = Remote(project, inventory, tmp_path_factory.mktemp("manager") / "projects")
        remote.write("0")
        result = remote.command(flow=["deploy", "proxy"]).run()
        assert result.succeeded, str(result)
        yield remote


@pytest.fixture(autouse=True)
def no_plan_is_left() -> Iterator[None]:
    """What was brought for a plan alone goes with it."""
    yield
    assert list(Path(tempfile.gettempdir()).glob(f"{PLAN_PREFIX}*")) == []


def test_the_manager_has_what_the_controller_has_and_a_second_run_finds_nothing_to_do(remote: Remote) -> None:
    remote.write("1")
    first = remote.command().run()
    assert first.succeeded, str(first)
    assert remote.there() == remote.expected()
    assert {path.stat().st_mode & 0o77 for path in (remote.home, *remote.home.rglob("*"))} == {0}
    second = remote.command().run()
    assert (second.succeeded, second.changed) == (True, []), str(second)


def test_a_file_that_was_deleted_on_the_controller_no_longer_feeds_a_release(remote: Remote) -> None:
    remote.write("2")
    with_it = remote.command().run()
    assert with_it.succeeded, str(with_it)
    (remote.project.folder / ".env").unlink()
    before = state(remote.home)
    foretold = remote.command(check=True).run()
    assert foretold.succeeded, str(foretold)
    assert state(remote.home) == before
    deployed = remote.command().run()
    assert deployed.succeeded, str(deployed)
    assert remote.there() == remote.expected()
    assert remote.candidate() == {"DOTENV": "none", "ONE": "2", "TWO": "2"}
    for module in ("release_files", "blue_green_deploy"):
        assert foretold.of(module).status == deployed.of(module).status == "changed", module
    assert foretold.of("blue_green_deploy").values["spec"] == deployed.of("blue_green_deploy").values["spec"]


def test_of_two_at_once_each_is_made_of_its_own_files(remote: Remote) -> None:
    remote.write("3")
    first = remote.command().start()
    eventually(lambda: remote.project.world.consul.lock(remote.project.service), "the first run holds the lock")
    remote.write("4")
    second = remote.command().start()
    specs = []
    for run in (first, second):
        result = run.wait()
        assert result.succeeded, str(result)
        specs.append(result.of("blue_green_deploy").values["spec"])
    assert specs[0] != specs[1]
    assert remote.candidate() == dict.fromkeys(SOURCES, "4")
    assert remote.there() == remote.expected()


def test_killed_while_it_brings_them_the_next_run_clears_up(remote: Remote) -> None:
    for value in ("5", "6", "7"):
        remote.write(value)
        killed = remote.command().start()
        killed.wait_for_task("release_files")
        if value != "5":
            eventually(lambda: remote.project.world.consul.lock(remote.project.service), "it holds the lock")
        killed.kill()
        found = set(remote.there().values()) - {remote.expected()["docker-compose.yml"]}
        assert len({text.partition("=")[2] for text in found}) == 1, f"files of two runs: {found}"
    result = remote.command().run()
    assert result.succeeded, str(result)
    assert remote.there() == remote.expected()
    assert remote.candidate() == dict.fromkeys(SOURCES, "7")
    assert sorted(path.suffix for path in (remote.home / f".{NAME}" / "app").iterdir()) == [""]
