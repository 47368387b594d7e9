# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""blue_green_deploy: predicted, done, and nothing left to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.modules import blue_green_deploy
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import project as shop_project
from ansible_collections.dockerflow.delivery.tests.unit.fakes.deploying import shop_sources
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World, release_of

from .conftest import Run


@pytest.fixture
def project(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The shop under the name of the target that the tests know, deployed by a command line that works."""

    monkeypatch.setattr(blue_green_deploy, "load_project", lambda *_arguments, **_options: shop_project())
    shop_sources(world)
    return world


def test_a_release_is_predicted_then_done_then_there(project: World, run: Run) -> None:
    project.colour("blue", 2, "old")
    project.route("blue")
    predicted = run(blue_green_deploy, check=True, project_src="/project")
    done = run(blue_green_deploy, project_src="/project")
    for name in ("changed", "color", "service", "swarm_service", "instances", "image", "spec", "reason", "diff"):
        assert predicted[name] == done[name], name
    assert (done["changed"], done["color"], done["instances"], done["image"]) == (True, "green", 2, "app:1")
    assert done["diff"] == {
        "before": {},
        "after": {"service": "books-ms_app-green", "image": "app:1", "instances": 2, "spec": done["spec"]},
    }
    for again in (
        run(blue_green_deploy, check=True, project_src="/project"),
        run(blue_green_deploy, project_src="/project"),
    ):
        assert (again["changed"], again["color"], again["spec"]) == (False, "green", done["spec"])
        assert again["diff"]["before"] == again["diff"]["after"]
        assert again["reason"]


def test_a_name_that_somebody_chose(project: World, run: Run) -> None:
    project.registrator = False  # it knows the target by its default name
    named = {"project_src": "/project", "service_name": "web"}
    predicted = run(blue_green_deploy, check=True, **named)
    assert (predicted["service"], predicted["swarm_service"]) == ("web", "books-ms_app-blue")
    run(blue_green_deploy, **named)
    assert "docker-flow/releases/web" in project.consul.keys
    assert "docker-flow/releases/books-ms-app" not in project.consul.keys


def test_side_targets_come_with_it(project: World, run: Run) -> None:
    run(blue_green_deploy, project_src="/project", side_targets=["db"])
    assert sorted(project.engine.services) == ["books-ms_app-blue", "books-ms_db"]


def test_variables_are_not_shown_and_hide_nothing_else(project: World, run: Run) -> None:
    done = run(blue_green_deploy, project_src="/project", env={"PASSWORD": "hunter2", "VERSION": 1})
    assert done["invocation"]["module_args"]["env"] == {"PASSWORD": "(not shown)", "VERSION": "(not shown)"}
    assert done["image"] == "app:1", "Ansible masks the values of secret options wherever they occur"


@pytest.mark.parametrize("value", [True, 1.1, None, ["several"]], ids=str)
def test_a_variable_that_yaml_changed_is_refused(project: World, run: Run, value: Any) -> None:
    refused = run(blue_green_deploy, check=True, project_src="/project", env={"VERSION": "1", "COUNTRY": value})
    assert refused["msg"] == "env has no text for 'COUNTRY': put it in quotes"


def test_without_colours(project: World, run: Run) -> None:
    predicted = run(blue_green_deploy, check=True, project_src="/project", blue_green=False)
    done = run(blue_green_deploy, project_src="/project", blue_green=False)
    again = run(blue_green_deploy, project_src="/project", blue_green=False)
    assert [one["changed"] for one in (predicted, done, again)] == [True, True, False]
    assert (done["color"], done["swarm_service"]) == (None, "books-ms_app")
    assert predicted["diff"] == done["diff"]


def test_a_release_that_does_not_come_up(project: World, run: Run) -> None:
    project.colour("blue", 2, "old")
    project.route("blue")
    project.record(live=release_of("blue", "old"))
    project.engine.outcome["books-ms_app-green"] = "failed"
    project.engine.logs = ["no database"]
    failed = run(blue_green_deploy, project_src="/project", max_failures=1)
    assert failed["failed"]
    assert "task: non-zero exit (3)" in failed["msg"]
    assert (failed["log"], failed["removed"]) == (["no database"], True)
    assert len(project.running("blue")) == 2
    assert project.release.color_service("green") is None
    assert project.consul.sessions == set()


def test_a_bad_scale_is_refused_before_anything_is_read(project: World, run: Run) -> None:
    project.consul.silent = True
    assert run(blue_green_deploy, project_src="/project", scale="two")["msg"].startswith(
        "stage deploy: scale 'two' is not valid"
    )
