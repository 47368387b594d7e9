# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.files import find_files, project_variables
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError

FOUND = [
    pytest.param(["compose.yml", "docker-compose.yml", "compose.yaml"], {}, ["compose.yaml"], id="preferred name"),
    pytest.param(["docker-compose.yaml", "docker-compose.yml"], {}, ["docker-compose.yml"], id="yml before yaml"),
    pytest.param(
        ["docker-compose.yaml", "compose.override.yaml"],
        {},
        ["docker-compose.yaml", "compose.override.yaml"],
        id="override of another name",
    ),
    pytest.param(
        ["compose.yml", "docker-compose.override.yml", "compose.override.yml"],
        {},
        ["compose.yml", "compose.override.yml"],
        id="preferred override",
    ),
    pytest.param(
        ["compose.yml", "a.yml", "b.yml"], {"COMPOSE_FILE": "b.yml:a.yml"}, ["b.yml", "a.yml"], id="COMPOSE_FILE"
    ),
    pytest.param(
        ["a.yml", "b.yml"],
        {"COMPOSE_FILE": "b.yml;a.yml", "COMPOSE_PATH_SEPARATOR": ";"},
        ["b.yml", "a.yml"],
        id="COMPOSE_PATH_SEPARATOR",
    ),
]


@pytest.mark.parametrize(("there", "env", "expected"), FOUND)
def test_default_files(tmp_path: Path, there: list[str], env: dict[str, str], expected: list[str]) -> None:
    for name in there:
        (tmp_path / name).touch()
    assert find_files(str(tmp_path), env=env) == tuple(tmp_path / name for name in expected)


def test_compose_file_variable_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").touch()
    (tmp_path / "other.yml").touch()
    (tmp_path / ".env").write_text("COMPOSE_FILE=other.yml\n")
    assert find_files(str(tmp_path)) == (tmp_path / "other.yml",)
    assert find_files(str(tmp_path), ["compose.yml"]) == (tmp_path / "compose.yml",)


def test_no_compose_file_names_the_directory_and_the_names_tried(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as caught:
        find_files(str(tmp_path))
    assert str(caught.value) == (
        f"no Compose file in project_src '{tmp_path}': none of compose.yaml, compose.yml, docker-compose.yml, "
        f"docker-compose.yaml is there; set project_src to the project's directory or compose_path to the file"
    )


def test_named_file_or_directory_missing(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"Compose file 'x\.yml' does not exist in .*: correct compose_path"):
        find_files(str(tmp_path), ["x.yml"])
    with pytest.raises(DeliveryError, match=r"project_src .* is no directory"):
        find_files(str(tmp_path / "absent"))


def test_environment_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\n")
    assert project_variables(tmp_path, tmp_path, {"A": "given"}) == {"A": "given", "B": "file"}
    assert project_variables(tmp_path / "absent", tmp_path, {"A": "given"}) == {"A": "given"}


FILES = [
    pytest.param({}, {"A": "dot"}, id="none named"),
    pytest.param({"COMPOSE_ENV_FILES": "a.env"}, {"A": "a"}, id="one, in place of .env"),
    pytest.param({"COMPOSE_ENV_FILES": "a.env,below/b.env"}, {"A": "a", "B": "ab"}, id="several"),
    pytest.param({"COMPOSE_ENV_FILES": "gone.env"}, {}, id="missing"),
    pytest.param({"COMPOSE_ENV_FILES": ""}, {"A": "dot"}, id="named as nothing"),
    pytest.param({"COMPOSE_DISABLE_ENV_FILE": "true"}, {}, id="switched off"),
    pytest.param({"COMPOSE_DISABLE_ENV_FILE": "0"}, {"A": "dot"}, id="not switched off"),
]


@pytest.mark.parametrize(("env", "expected"), FILES)
def test_files_of_variables(tmp_path: Path, env: dict[str, str], expected: dict[str, str]) -> None:
    (tmp_path / "below").mkdir()
    for name, text in {".env": "A=dot", "a.env": "A=a", "below/b.env": "B=${A}b"}.items():
        (tmp_path / name).write_text(text)
    assert project_variables(tmp_path, tmp_path, env) == {**expected, **env}


def test_a_path_is_without_detours(tmp_path: Path) -> None:
    (tmp_path / "x.yml").touch()
    assert find_files(str(tmp_path), ["./below/../x.yml"]) == (tmp_path / "x.yml",)
