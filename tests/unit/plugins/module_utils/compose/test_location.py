# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.location import (
    check_project_name,
    locate,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError


def write(directory: Path, files: dict[str, str]) -> Path:
    root = directory / "My_Shop"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


BELOW = {"deploy/compose.yaml": "", "deploy/.env": "A=below\nB=below\n"}
VARIABLES: list[Any] = [
    pytest.param({"compose.yaml": "", ".env": "A=root"}, [], {}, {"A": "root"}, id=".env beside the file"),
    pytest.param({"compose.yaml": "", ".env": "A=root"}, [], {"A": "given"}, {"A": "given"}, id="given"),
    pytest.param(
        {**BELOW, ".env": "A=root"}, ["deploy/compose.yaml"], {}, {"A": "below", "B": "below"}, id="a file named below"
    ),
    pytest.param(
        {**BELOW, ".env": "A=root\nCOMPOSE_FILE=deploy/compose.yaml"},
        [],
        {},
        {"A": "root", "B": "below", "COMPOSE_FILE": "deploy/compose.yaml"},
        id="a file that .env names below",
    ),
]


@pytest.mark.parametrize(("files", "named", "env", "expected"), VARIABLES)
def test_variables(
    tmp_path: Path, files: dict[str, str], named: list[str], env: dict[str, str], expected: dict[str, str]
) -> None:
    root = write(tmp_path, files)
    found = locate(str(root), named, env)
    assert dict(found.variables) == expected
    assert (found.root, found.base) == (root, found.files[0].parent)


NAMES: list[Any] = [
    pytest.param({"compose.yaml": ""}, [], "my_shop", id="directory"),
    pytest.param({"compose.yaml": "", ".env": "N=7"}, ["a", "b-${N}"], "b-7", id="the last that files declare"),
    pytest.param({"compose.yaml": "", ".env": "COMPOSE_PROJECT_NAME=env"}, ["a"], "env", id="variable"),
    pytest.param({"compose.yaml": ""}, ["My ${X:-Books}.2"], "mybooks2", id="declared with other letters"),
]


@pytest.mark.parametrize(("files", "declared", "expected"), NAMES)
def test_name(tmp_path: Path, files: dict[str, str], declared: list[str], expected: str) -> None:
    assert locate(str(write(tmp_path, files))).name(declared) == expected


NAMELESS = [
    pytest.param("${NONE:-}", "name '${NONE:-}' leaves nothing that a project can be called: set its", id="nothing"),
    pytest.param(
        "@$NONE", "name '@$NONE' leaves nothing that a project can be called: set its variables", id="no letter"
    ),
    pytest.param(
        "${NONE:?say it}", "name '${NONE:?say it}' cannot be worked out: variable 'NONE' is not", id="required"
    ),
]


@pytest.mark.parametrize(("declared", "expected"), NAMELESS)
def test_name_that_compose_refuses(tmp_path: Path, declared: str, expected: str) -> None:
    location = locate(str(write(tmp_path, {"compose.yaml": ""})))
    with pytest.raises(DeliveryError) as caught:
        location.name([declared])
    assert f"the Compose file's {expected}" in str(caught.value)


def test_name_after_another_directory(tmp_path: Path) -> None:
    root = write(tmp_path, {"deploy/compose.yaml": ""})
    found = locate(str(root), ["deploy/compose.yaml"])
    assert (found.name(), found.name(after=root)) == ("deploy", "my_shop")
    (root / ".env").write_text("COMPOSE_PROJECT_NAME=env")
    assert (found.name(), found.name(after=root)) == ("deploy", "env")


def test_name_has_only_letters_that_compose_takes(tmp_path: Path) -> None:
    root = tmp_path / "_Bücher 2"
    root.mkdir()
    (root / "compose.yaml").touch()
    assert locate(str(root)).name() == "bcher2"


@pytest.mark.parametrize(
    ("after", "origin"), [(None, ""), (Path("/x/shop"), " (from the Compose file, .env or the directory shop)")]
)
def test_a_name_that_is_no_dns_label(after: Path | None, origin: str) -> None:
    assert check_project_name("shop", after) == "shop"
    with pytest.raises(DeliveryError) as caught:
        check_project_name("my_shop", after)
    assert str(caught.value).startswith(f"project 'my_shop'{origin} is no valid DNS label")


def test_values_are_not_in_the_representation(tmp_path: Path) -> None:
    root = write(tmp_path, {"compose.yaml": "", ".env": "PASSWORD=secret"})
    assert "secret" not in repr(locate(str(root), env={"TOKEN": "secret"}))
