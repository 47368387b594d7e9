# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.dockerflow.delivery.plugins.action import flow_settings


@pytest.fixture
def source(tmp_path: Path) -> str:
    project = tmp_path / "books-ms"
    project.mkdir()
    (project / "compose.yaml").write_text("services: {app: {image: 'x:${BOOKS_MS_VERSION}'}}")
    (project / "docker-flow.yml").write_text("target: app\nscale: 1\n")
    return str(project)


def read(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], variables: dict[str, Any], extra: dict[str, Any]
) -> dict[str, Any]:
    """What the plugin returns where C(extra) stands on the command line; Ansible puts these among the variables too."""
    monkeypatch.setattr(flow_settings, "load_extra_vars", lambda loader: extra)
    loader = DataLoader()
    given = {**variables, **extra}
    task = Task()
    task.args = arguments
    connection = connection_loader.get("local", PlayContext())
    plugin = flow_settings.ActionModule(task, connection, None, loader, Templar(loader, given), None)
    return plugin.run(task_vars=given)


def test_extra_vars_may_leave_the_prefix_away(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    project = {"project_src": source}
    settings = read(monkeypatch, project, {"env": "production", "keep_warm": 5}, {"scale": "+2"})["settings"]
    assert (settings["scale"], settings["keep_warm"], settings["env"]) == ("+2", 5, {})
    settings = read(monkeypatch, project, {"scale": "+2", "flow_timeout": 9}, {})["settings"]
    assert (settings["scale"], settings["timeout"]) == ("1", 9)


def test_environment_of_the_controller(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setenv("BOOKS_MS_VERSION", "2")
    monkeypatch.setenv("FLOW_SCALE", "4")
    monkeypatch.setenv("TOKEN_OF_SOMETHING_ELSE", "x")
    result = read(monkeypatch, {"project_src": source}, {}, {})
    settings = result["settings"]
    assert (settings["env"], settings["scale"]) == ({"BOOKS_MS_VERSION": "2"}, "4")
    assert result["_ansible_no_log"], "the environment may hold secrets"


def test_a_playbook_for_one_stage(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    result = read(monkeypatch, {"project_src": source, "flow": ["scale"]}, {}, {"flow": "deploy"})
    assert result["settings"]["flow"] == ["scale"]


def test_what_the_settings_mean_for_modules(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    result = read(monkeypatch, {"project_src": source}, {}, {"proxy_timeout": 7})
    options = result["options"]
    assert options["release_preview"]["timeout"] == options["proxy_reconfigure"]["timeout"] == 7
    assert options["blue_green_deploy"]["files"] == ["compose.yaml"]
    assert options["blue_green_deploy"]["project"] == "books-ms"


def test_a_refusal_is_one_sentence_that_is_shown(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    result = read(monkeypatch, {"project_src": source}, {}, {"flow": "deploi"})
    assert result == {"failed": True, "msg": result["msg"]}
    assert result["msg"].startswith("flow names stage 'deploi'")


def test_a_mistyped_extra_var_is_refused_the_same_way(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    result = read(monkeypatch, {"project_src": source}, {}, {"service_pth": "/x"})
    assert result == {"failed": True, "msg": result["msg"]}
    assert result["msg"].startswith("extra var service_pth is no setting (did you mean 'service_path'?)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("- name: [", "cannot be read", id="no YAML"),
        pytest.param("name: x", "holds no list of tasks", id="no list"),
        pytest.param("- name: x\n  no.such.module: {}", "task 'x': ", id="a module that is not here"),
        pytest.param("- block: [{name: y, ansible.builtin.pong: {}}]", "task 'y': ", id="in a block"),
    ],
)
def test_tests_that_cannot_run_are_refused_first(
    monkeypatch: pytest.MonkeyPatch, source: str, text: str, words: str
) -> None:
    (Path(source) / "tests.yml").write_text(text)
    result = read(monkeypatch, {"project_src": source}, {}, {"test_tasks": "tests.yml"})
    assert result["failed"]
    assert "tests.yml" in result["msg"]
    assert words in result["msg"]


def test_tests_that_can_run(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (Path(source) / "tests.yml").write_text("- name: x\n  uri: {url: 'http://x'}\n  register: found\n")
    result = read(monkeypatch, {"project_src": source}, {}, {"test_tasks": "tests.yml"})
    assert result["settings"]["test_tasks"] == f"{source}/tests.yml"
