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


def test_the_name_in_consul(tmp_path: Path) -> None:
    source = project(tmp_path, {"compose.yaml": "services: {}", "docker-flow.yml": "target: web_app"})
    assert project_settings(source, environ={"FLOW_SERVICE_NAME": "web"})["service"] == "web"
    with pytest.raises(DeliveryError, match="set service_name to 'web-app'"):
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


# -- the working directory ---------------------------------------------------------------------------------------------


def test_the_project_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(
        project(tmp_path, {"docker-stack.yml": "", "docker-flow.yml": "target: a\ncompose_path: docker-stack.yml"})
    )
    monkeypatch.chdir(source)
    for environ in ({}, {"PWD": str(tmp_path)}, {"PWD": "/nowhere"}, {"PWD": "books-ms"}):
        settings = project_settings(None, environ=environ)
        assert (settings["project"], settings["project_src"]) == ("books-ms", str(source)), environ


def test_its_name_is_the_one_that_the_shell_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = project(tmp_path, {"compose.yaml": ""})
    (tmp_path / "current").symlink_to(source)
    monkeypatch.chdir(source)
    assert project_settings(None, environ={"PWD": str(tmp_path / "current")})["project"] == "current"


def test_no_project_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DeliveryError, match=rf"^no project was found in the working directory '{tmp_path}', neither"):
        project_settings(None, environ={})


NAMED: list[Any] = [
    pytest.param({"COMPOSE_FILE": "main.yml", "FLOW_TARGET": "a"}, {}, id="COMPOSE_FILE"),
    pytest.param({"FLOW_COMPOSE_PATH": "main.yml", "FLOW_TARGET": "a"}, {}, id="environment"),
    pytest.param({}, {"compose_path": "main.yml", "target": "a"}, id="extra var"),
    pytest.param({}, {"flow_compose_path": ["main.yml"], "target": "a"}, id="with its prefix"),
]


@pytest.mark.parametrize(("environ", "extra"), NAMED)
def test_a_file_that_is_named_is_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], extra: dict[str, Any]
) -> None:
    (tmp_path / "main.yml").write_text("name: shop")
    monkeypatch.chdir(tmp_path)
    assert project_settings(None, environ=environ, extra=extra)["project"] == "shop"


# -- what Ansible Vault encrypted --------------------------------------------------------------------------------------


def test_files_that_must_be_decrypted_on_their_way(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "secrets: {a: {file: a.txt}, b: {file: b.txt}}\nservices: {app: {env_file: app.env}}",
        "a.txt": "$ANSIBLE_VAULT;1.1;AES256\n61",
        "b.txt": "what $ANSIBLE_VAULT; means",
        "app.env": "$ANSIBLE_VAULT;1.2;AES256;prod\n61",
    }
    settings = project_settings(project(tmp_path, files), environ={})
    assert settings["project_files"] == ["a.txt", "app.env", "b.txt", "compose.yaml"]
    assert settings["encrypted_files"] == ["a.txt", "app.env"]


VAULT = "$ANSIBLE_VAULT;1.1;AES256\n61"
UNREADABLE: list[Any] = [
    pytest.param({"compose.yaml": VAULT}, r"compose.yaml' is encrypted with Ansible Vault", id="Compose file"),
    pytest.param({"compose.yaml": "", ".env": VAULT}, r"\.env' is encrypted with Ansible Vault", id=".env"),
    pytest.param({"d/compose.yaml": "", ".env": VAULT}, r"\.env' is encrypted", id=".env that may lead elsewhere"),
    pytest.param(
        {"compose.yaml": "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61"},
        r"compose.yaml' holds a value that is encrypted with Ansible Vault.*write \$\{NAME\} where",
        id="value in a Compose file",
    ),
    pytest.param(
        {".env": "COMPOSE_FILE=d/compose.yaml", "d/compose.yaml": "", "d/.env": VAULT}, r"d/\.env' is", id="below"
    ),
]


@pytest.mark.parametrize(("files", "expected"), UNREADABLE)
def test_files_that_say_what_the_project_is_are_refused(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    with pytest.raises(DeliveryError, match=expected):
        project_settings(project(tmp_path, files), environ={})
