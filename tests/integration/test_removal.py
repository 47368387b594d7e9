# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: what nobody needs any more goes altogether by one command, which says before what goes and what stays.

Time budget: 90 s.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.playbook import Playbook, PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

REMOVE = "playbooks/remove.yml"


def keys_of(project: Project) -> list[str]:
    return [key for key in project.world.consul.keys("") if key.rpartition("/")[2] == project.service]


def volumes_of(project: Project) -> list[str]:
    mine = {"label": f"com.docker.stack.namespace={project.name}"}
    return [volume["Name"] for volume in project.world.swarm.client.api.volumes(filters=mine)["Volumes"] or []]


def assert_gone(project: Project) -> None:
    """Nothing is left in Swarm, in Consul or at the proxies."""
    # The engine removes a container a moment after it has ended.
    eventually(lambda: project.world.swarm.leftovers(project.name) == [], f"nothing of {project.name} is left")
    assert keys_of(project) == []
    for name, proxy in project.world.consul.proxies().items():
        assert project.service not in {**proxy["services"], **proxy["removed"]}, name
    assert project.get().status == 404


def remove_from(folder: Path, books: Project, **extra: str) -> PlaybookResult:
    """The command from a directory that has nothing to do with the project."""
    fixed = {"project_src": str(folder), "lock_ttl": 10, "consul_prefix": books.world.consul.prefix}
    return Playbook(REMOVE, fixed | extra).run()


def test_a_project_is_foretold_then_gone_and_its_data_stays_until_asked(
    new_project: Callable[..., Project], tmp_path: Path
) -> None:
    books = new_project("gone")
    books.release("1")
    books.release("2", flow="deploy")
    before, counts = keys_of(books), books.counts()
    foretold = books.command(REMOVE, check=True, diff=True, project=books.name).run()
    assert foretold.succeeded, str(foretold)
    assert (keys_of(books), books.counts(), books.get().status) == (before, counts, 200)
    removed = remove_from(tmp_path, books, project=books.name)
    assert removed.succeeded, str(removed)
    assert foretold.of("release_remove").values["removed"] == removed.of("release_remove").values["removed"]
    assert [task.action for task in foretold.changed] == [task.action for task in removed.changed]
    for said in ("gone_app-blue", "gone_app-green", "gone_db", "gone_default", "gone-app", "remove_volumes=true"):
        assert said in removed.stdout, removed.stdout
    assert_gone(books)
    (volume,) = volumes_of(books)
    again = remove_from(tmp_path, books, project=books.name)
    assert (again.succeeded, again.changed) == (True, []), str(again)
    last = remove_from(tmp_path, books, project=books.name, remove_volumes="true")
    assert (last.succeeded, volumes_of(books)) == (True, []), str(last)
    assert volume in str(last)


def test_one_target_goes_and_its_side_target_stays(new_project: Callable[..., Project]) -> None:
    books = new_project("one-gone")
    books.release("1")
    side = books.run(REMOVE, target="db", project=books.name)
    assert "'db' of project 'one-gone' is a side target" in side.failure, str(side)
    mistyped = books.run(REMOVE, target="appp")
    assert (mistyped.succeeded, mistyped.changed) == (True, []), str(mistyped)
    assert "did you mean 'app'?" in str(mistyped)
    nothing = books.run(REMOVE)
    assert "Nothing names what goes" in nothing.failure, str(nothing)
    assert books.get().status == 200
    removed = books.run(REMOVE, target="app")
    assert removed.succeeded, str(removed)
    assert books.counts() == {"db": 1}
    assert (keys_of(books), books.get().status) == ([], 404)
    assert "services stay: one-gone_db" in removed.stdout
    books.release("1")
    assert books.get().version == "1"


def test_what_was_removed_by_other_means_is_shown_and_its_path_is_free_again(
    new_project: Callable[..., Project], tmp_path: Path
) -> None:
    old, new = new_project("left-over", lean=True), new_project("heir", lean=True)
    new.write_settings(new.settings() | {"service_domain": old.settings()["service_domain"]})
    old.release("1")
    old.world.swarm.remove(old.name)
    shutil.rmtree(old.folder)
    command = "playbooks/remove.yml -e project=left-over -e target=app"
    for status_format in ("table", "json"):
        shown = new.run("playbooks/status.yml", status_format=status_format)
        assert "nothing runs for its route and release record" in shown.stdout, shown.stdout
        assert command in shown.stdout
    refused = new.deploy("2")
    assert command in refused.failure, str(refused)
    removed = remove_from(tmp_path, old, project=old.name, target="app")
    assert removed.succeeded, str(removed)
    assert keys_of(old) == []
    new.release("2")
    assert old.get().version == "2", "its users get the heir"


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        pytest.param("killed-early", lambda books: books.live is None, id="once the route is given up"),
        pytest.param("killed-late", lambda books: books.counts() == {}, id="once the services are removed"),
    ],
)
def test_a_removal_that_was_killed_is_finished_by_running_it_again(
    new_project: Callable[..., Project], world: World, tmp_path: Path, name: str, reached: Callable[[Project], bool]
) -> None:
    books = new_project(name, lean=True)
    books.release("1")
    run = books.command(REMOVE, project=books.name).start()
    eventually(lambda: reached(books) or run.over, "it is on its way")
    run.kill()
    finished = remove_from(tmp_path, books, project=books.name)
    assert finished.succeeded, str(finished)
    assert_gone(books)
