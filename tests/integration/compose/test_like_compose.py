# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Compose says of a file is what we say: the controller's and the manager's reading beside the real Compose's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.files import project_variables
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.inputs import project_files
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.location import locate
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import ComposeProject, load_project
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.names import is_dns_label
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.project_settings import project_settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax.variables import interpolate
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.corpus import CORPUS
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.hard_yaml import DOTENV, SCALARS, TEMPLATES
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.small_project import Project

SECONDS = 60
# What a client needs to run and to find its plugins.
CLIENT = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}


@pytest.fixture(scope="module", autouse=True)
def compose(request: pytest.FixtureRequest) -> None:
    """The Compose plugin, which needs no engine: as it is, or provisioned."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=SECONDS).returncode:
        request.getfixturevalue("world")


def written(project: Project, directory: Path) -> Path:
    for name, text in project.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return directory


def said(project: Project, root: Path) -> dict[str, Any] | str:
    """The document that Compose prints where the project lies, or why it refuses it."""
    files = [word for path in project.compose_path for word in ("--file", path)]
    done = subprocess.run(
        ["docker", "compose", *files, "config", "--format", "json"],
        cwd=root,
        env={**CLIENT, **project.env},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def ours(project: Project, root: Path, manager: Path, name: str | None = None) -> ComposeProject:
    """The project as a manager has it that gets what the controller finds, and nothing else."""
    given = {"target": "app", "compose_path": list(project.compose_path), **({"project": name} if name else {})}
    settings = project_settings(str(root), environ=project.env, extra=given)
    for file in settings["project_files"]:
        (manager / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, manager / file)
    return load_project(
        str(manager),
        files=settings["compose_path"],
        env=settings["env"],
        profiles=settings["profiles"],
        project_name=settings["project"],
        env_scopes=settings["env_scopes"],
    )


def plain(value: Any) -> Any:
    """C(value) of a document with Compose's doubled dollar signs undone and modes as numbers, whatever its version."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {
            key: int(item, 8) if key == "mode" and isinstance(item, str) and item[:1] == "0" else plain(item)
            for key, item in value.items()
        }
    return value


def moved(document: Mapping[str, Any], directory: Path) -> Any:
    return json.loads(json.dumps(document).replace(str(directory), "@DIRECTORY@"))


@pytest.mark.parametrize("project", CORPUS)
def test_name_files_variables_and_contents(project: Project, tmp_path: Path) -> None:
    root, manager = written(project, tmp_path / "shop"), tmp_path / "manager/shop"
    truth = said(project, root)
    if isinstance(truth, str):
        with pytest.raises(DeliveryError) as caught:
            ours(project, root, manager)
        assert any(word in str(caught.value) for word in ("shop", "project", "Compose file")), truth
        return
    location = locate(str(root), project.compose_path, project.env)
    assert location.name(project_files(location).names) == truth["name"]
    told = {key: truth["services"][service]["environment"][name] for key, (service, name) in project.told.items()}
    name = truth["name"] if is_dns_label(truth["name"]) else "shop"
    if not all(told.values()):
        with pytest.raises(DeliveryError, match=r"'PW', which is not set|is empty, and Swarm takes no empty"):
            ours(project, root, manager, name)
        return
    found = ours(project, root, manager, name)
    if name == truth["name"]:
        assert moved(found.document, manager) == moved(plain(truth), root)
    assert {key: found.contents[key].decode() for key in told} == plain(told)


@pytest.mark.parametrize("text", DOTENV, ids=ascii)
def test_dotenv(text: str, tmp_path: Path) -> None:
    asked = ["K", "L", "E", "K.X", "K-X"]
    app = json.dumps({"services": {"app": {"image": "x", "environment": asked}}})
    project = Project({"compose.yaml": app, ".env": text}, {"E": "env"})
    truth = said(project, written(project, tmp_path))
    # What Compose refuses it says itself; what it takes must not be refused.
    if not isinstance(truth, str):
        known = project_variables(tmp_path, tmp_path, project.env)
        assert {name: known.get(name) for name in asked} == plain(truth["services"]["app"]["environment"])


def test_references(tmp_path: Path) -> None:
    env = {"E": "env", "V": ""}
    taken = {}
    for text in TEMPLATES:
        try:
            taken[text] = interpolate(text, env)
        except DeliveryError:
            project = Project({"compose.yaml": json.dumps({"services": {"app": {"image": text}}})}, env)
            assert isinstance(said(project, written(project, tmp_path)), str), f"Compose takes {text}"
    labels = {f"n{place}": text for place, text in enumerate(taken)}
    project = Project({"compose.yaml": json.dumps({"services": {"app": {"image": "x", "labels": labels}}})}, env)
    truth = said(project, written(project, tmp_path))
    assert not isinstance(truth, str), truth
    given = truth["services"]["app"]["labels"]
    assert {text: given[f"n{place}"].replace("$$", "$") for place, text in enumerate(taken)} == taken


def test_scalars_where_the_plugin_is_missing(tmp_path: Path) -> None:
    lines = "".join(f"      N{place}: {text}\n" for place, text in enumerate(SCALARS))
    project = Project({"compose.yaml": f"version: '3.8'\nservices:\n  app:\n    image: x\n    environment:\n{lines}"})
    truth = said(project, written(project, tmp_path))
    assert not isinstance(truth, str), truth
    found = load_project(str(tmp_path), project_name="shop", compose_command=("no-such-docker", "compose"))
    read = found.service("app")["environment"]
    told = truth["services"]["app"]["environment"]
    assert {text: read[f"N{place}"] for place, text in enumerate(SCALARS)} == {
        text: told[f"N{place}"] for place, text in enumerate(SCALARS)
    }
