# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: a Compose service whose name is no DNS label is released under a name that is, with all that comes after it.

Time budget: 90 s.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World

NAME = "chosen-web"


def renamed(project: Project) -> Project:
    """The project with a service C(web_app) in place of C(app), called C(chosen-web) in Consul."""
    document = project.compose()
    document["services"]["web_app"] = document["services"].pop("app")
    project.write_compose(document)
    project.write_settings(project.settings() | {"target": "web_app", "service_name": NAME})
    project.service = NAME
    return project


@pytest.fixture(scope="module")
def books(new_project: Callable[..., Project]) -> Project:
    project = renamed(new_project("chosen", lean=True))
    project.remove()  # what an earlier session has left under this name
    return project


def test_every_stage_knows_it(books: Project, world: World) -> None:
    books.release("1")
    assert sorted(books.counts()) == ["web_app-blue"]
    assert [instance.status for instance in world.consul.instances(f"{NAME}-blue")] == ["passing"]
    (books.folder / "tests.yml").write_text(
        '- ansible.builtin.uri: {url: "{{ candidate_urls | first }}/version", headers: "{{ candidate_headers | '
        "combine({'Host': 'chosen.example'}) }}\"}\n",
        encoding="utf-8",
    )
    books.release("2", test_tasks="tests.yml")
    assert (books.live, books.get("/version").version) == ("green", "2")
    for playbook, extra in (("scale", {"scale": "+1"}), ("rollback", {}), ("stop-old", {})):
        result = books.run(f"playbooks/{playbook}.yml", **extra)
        assert result.succeeded, str(result)
    assert (books.live, books.get("/version").version) == ("blue", "1")
    assert [key for key in world.consul.keys("releases/") + world.consul.keys("routes/") if "chosen" in key] == [
        f"releases/{NAME}",
        f"routes/{NAME}",
    ]
    asked = books.run("playbooks/adopt.yml")
    assert "live is not given" in asked.failure, str(asked)


def test_the_status_finds_it_by_what_runs(books: Project) -> None:
    for extra in ({"target": "web_app"}, {"project": books.name}):
        status = books.run("playbooks/status.yml", status_format="json", **extra).of("debug").values["msg"]
        found = (json.loads(status) if isinstance(status, str) else status)["releases"]
        assert [(one["service"], one["target"], one["live"]) for one in found] == [(NAME, "web_app", "blue")]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"service_name": None}, ["target", "'web_app'", "set service_name to 'web-app'"], id="no name"),
        pytest.param(
            {"service_name": "other"},
            ["runs as service 'chosen-web', not as 'other'", "set service_name"],
            id="another",
        ),
    ],
)
def test_it_runs_under_no_other_name(books: Project, settings: dict[str, str], words: list[str]) -> None:
    known = books.settings()
    books.write_settings({name: value for name, value in (known | settings).items() if value is not None})
    before = books.counts(), books.live
    try:
        refused = books.run("playbooks/scale.yml", scale="3")
    finally:
        books.write_settings(known)
    assert refused.rc != 0, str(refused)
    for word in words:
        assert word in refused.failure
    assert (books.counts(), books.live) == before


def test_another_project_cannot_have_it(books: Project, world: World, tmp_path: Path) -> None:
    other = renamed(Project(world, "chosen-too", tmp_path, lean=True))
    refused = other.deploy("1")
    assert refused.rc != 0, str(refused)
    for word in ("'chosen-web'", "target 'web_app' of project 'chosen' already has", "set service_name to another one"):
        assert word in refused.failure
    assert other.counts() == {}
    assert books.get("/version").status == 200
