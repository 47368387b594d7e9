# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.project_settings import project_settings


def project(directory: Path, files: dict[str, str]) -> str:
    source = directory / "books-ms"
    for name, text in {"docker-flow.yml": "target: app", **files}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return str(source)


def test_settings_files_and_environment(tmp_path: Path) -> None:
    source = project(
        tmp_path,
        {
            "compose.yaml": "services: {app: {image: 'x:${BOOKS_MS_VERSION}', environment: {LEVEL: '${LEVEL}'}}}",
            "docker-flow.yml": "target: app\nside_targets: [db]\nenv: {LEVEL: info}\n",
        },
    )
    environ = {"BOOKS_MS_VERSION": "2", "LEVEL": "debug", "AWS_SECRET": "s", "PATH": "/bin", "FLOW_SCALE": "+1"}
    settings = project_settings(source, environ=environ, extra={"flow": "deploy"})
    assert settings["env"] == {"BOOKS_MS_VERSION": "2", "LEVEL": "info"}
    assert settings["compose_path"] == ["compose.yaml"]
    assert settings["project_files"] == ["compose.yaml"]
    assert (settings["project"], settings["service"]) == ("books-ms", "books-ms-app")
    assert (settings["scale"], settings["flow"], settings["side_targets"]) == ("+1", ["deploy"], ["db"])


def test_what_led_to_another_directory_is_handed_over(tmp_path: Path) -> None:
    files = {
        ".env": "COMPOSE_FILE=deploy/compose.yaml\nTAG=1\nLEVEL=low\nUNUSED=x\n",
        "deploy/compose.yaml": "services: {app: {image: 'x:${TAG}', environment: {LEVEL: '${LEVEL}'}}}",
        "deploy/.env": "TAG=2\n",
    }
    settings = project_settings(project(tmp_path, files), environ={"LEVEL": "high"})
    assert settings["compose_path"] == ["deploy/compose.yaml"]
    assert settings["env"] == {"TAG": "1", "LEVEL": "high"}, "the manager, given the file, does not read that .env"
    assert settings["project"] == "books-ms"


NAMES: list[Any] = [
    pytest.param({"compose.yaml": "services: {}"}, {}, "books-ms", id="directory"),
    pytest.param({"compose.yaml": "name: shop"}, {}, "shop", id="file"),
    pytest.param({"compose.yaml": "name: 'shop-${N:-0}'"}, {"N": "7"}, "shop-7", id="file with a variable"),
    pytest.param({"compose.yaml": "name: a", "compose.override.yaml": "name: b"}, {}, "b", id="override"),
    pytest.param({"compose.yaml": "name: shop", ".env": "COMPOSE_PROJECT_NAME=env"}, {}, "env", id=".env"),
    pytest.param({"compose.yaml": "name: shop"}, {"COMPOSE_PROJECT_NAME": "os"}, "os", id="environment"),
    pytest.param({"compose.yaml": "name: shop"}, {"FLOW_PROJECT": "flow"}, "flow", id="setting"),
    pytest.param(
        {"deploy/compose.yaml": "services: {}", "docker-flow.yml": "target: app\ncompose_path: deploy/compose.yaml"},
        {},
        "books-ms",
        id="file in a directory below",
    ),
]


@pytest.mark.parametrize(("files", "environ", "expected"), NAMES)
def test_project_name(tmp_path: Path, files: dict[str, str], environ: dict[str, str], expected: str) -> None:
    assert project_settings(project(tmp_path, files), environ=environ)["project"] == expected


def test_project_name_that_is_no_dns_label(tmp_path: Path) -> None:
    source = project(tmp_path, {"compose.yaml": "name: books_ms"})
    with pytest.raises(DeliveryError, match=r"project 'books_ms' \(from the Compose file.*set project to a name"):
        project_settings(source, environ={})


@pytest.mark.parametrize(("text", "expected"), [("[a]", "holds no settings"), ("a: [", "line 1 is not valid YAML")])
def test_bad_settings_file(tmp_path: Path, text: str, expected: str) -> None:
    source = project(tmp_path, {"compose.yaml": "", "docker-flow.yml": text})
    with pytest.raises(DeliveryError, match=rf"docker-flow\.yml'.*{expected}"):
        project_settings(source, environ={})


def test_empty_settings_file_and_none(tmp_path: Path) -> None:
    source = project(tmp_path, {"compose.yaml": "services: {}", "docker-flow.yml": ""})
    assert project_settings(source, environ={"FLOW_TARGET": "app"})["target"] == "app"
    (Path(source) / "docker-flow.yml").unlink()
    assert project_settings(source, environ={"FLOW_TARGET": "app"})["target"] == "app"


def test_no_compose_file(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="no Compose file in project_src"):
        project_settings(project(tmp_path, {}), environ={})


def test_the_file_of_the_tests(tmp_path: Path) -> None:
    source = project(tmp_path, {"compose.yaml": "services: {}", "docker-flow.yml": "target: app", "tests.yml": ""})
    found = project_settings(source, environ={"FLOW_TEST_TASKS": "tests.yml"})
    assert found["test_tasks"] == f"{source}/tests.yml"
    with pytest.raises(DeliveryError, match=r"^test_tasks 'test.yml': there is no file '.*/test.yml': correct"):
        project_settings(source, environ={}, extra={"test_tasks": "test.yml"})
