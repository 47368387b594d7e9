# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.inputs import project_files
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.location import locate
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError

ALWAYS = {"COMPOSE_DISABLE_ENV_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}


def write(directory: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(directory)


FILES = [
    pytest.param({"compose.yaml": "services: {}"}, ["compose.yaml"], id="one file"),
    pytest.param(
        {"compose.yaml": "", "compose.override.yml": "", ".env": "A=1", "docker-flow.yml": "", "notes.txt": ""},
        [".env", "compose.override.yml", "compose.yaml"],
        id="override and .env, nothing else",
    ),
    pytest.param(
        {
            "compose.yaml": "services: {a: {env_file: a.env}, b: {env_file: [b.env, {path: c.env, required: false}]}}",
            "a.env": "",
            "b.env": "",
            "c.env": "",
        },
        ["a.env", "b.env", "c.env", "compose.yaml"],
        id="env_file",
    ),
    pytest.param(
        {
            "compose.yaml": "services: {a: {label_file: a.labels}}\n"
            "configs: {c: {file: ./conf/c}, d: {external: true}}\nsecrets: {s: {file: s}}",
            "a.labels": "",
            "conf/c": "",
            "s": "",
        },
        ["a.labels", "compose.yaml", "conf/c", "s"],
        id="labels, configs, secrets",
    ),
    pytest.param(
        {
            "compose.yaml": "services: {a: {extends: {file: base/web.yaml, service: web}}, b: {extends: a}}",
            "base/web.yaml": "services: {web: {env_file: web.env, extends: {file: deep.yaml, service: d}}}",
            "base/deep.yaml": "services: {d: {image: x}}",
            "base/web.env": "",
        },
        ["base/deep.yaml", "base/web.env", "base/web.yaml", "compose.yaml"],
        id="extends, relative to the extending file",
    ),
    pytest.param(
        {
            "compose.yaml": "include: [one/compose.yaml, {path: [two/a.yaml, two/b.yaml], project_directory: ., "
            "env_file: two/e}]",
            "one/compose.yaml": "services: {x: {env_file: x.env}}",
            "one/.env": "",
            "one/x.env": "",
            "two/a.yaml": "services: {y: {env_file: y.env}}",
            "two/b.yaml": "",
            "two/e": "",
            "y.env": "",
        },
        ["compose.yaml", "one/.env", "one/compose.yaml", "one/x.env", "two/a.yaml", "two/b.yaml", "two/e", "y.env"],
        id="include",
    ),
    pytest.param(
        {"compose.yaml": "services: {a: {env_file: '${WHICH:-dev}.env'}}", ".env": "WHICH=prod", "prod.env": ""},
        [".env", "compose.yaml", "prod.env"],
        id="variable in a path",
    ),
    pytest.param(
        {
            "compose.yaml": "services: {a: {env_file: [gone.env, /etc/on-the-manager, '${X:?}']}}\ninclude: ['https://x/y']"
        },
        ["compose.yaml"],
        id="missing, absolute, unset, remote",
    ),
    pytest.param(
        {"compose.yaml": "services: {a: {image: x, ports: !override ['80'], labels: !reset null}}"},
        ["compose.yaml"],
        id="tags",
    ),
    pytest.param(
        {"compose.yaml": "services: {a: {extends: {file: compose.yaml, service: b}}}"}, ["compose.yaml"], id="itself"
    ),
    pytest.param({"compose.yaml": "[not, a, mapping]"}, ["compose.yaml"], id="no mapping"),
    pytest.param(
        {
            "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}",
            "b.yaml": "include: [../i.yaml]\nsecrets: {s: {file: ../s}}\n"
            "services: {b: {extends: c}, c: {env_file: c.env}, d: {env_file: ../d.env}}",
            "c.env": "",
        },
        ["b.yaml", "c.env", "compose.yaml"],
        id="of an extended file only the service",
    ),
    pytest.param(
        {
            "compose.yaml": "include: [i/c.yaml]",
            "i/c.yaml": "services: {a: {env_file: '$W.env'}}",
            "i/.env": "W=x",
            "i/x.env": "",
        },
        ["compose.yaml", "i/.env", "i/c.yaml", "i/x.env"],
        id="variable of an included file",
    ),
    pytest.param(
        {"compose.yaml": "services: {a: {image: x}}\n---\nservices: {a: {env_file: a.env}}", "a.env": ""},
        ["a.env", "compose.yaml"],
        id="documents",
    ),
    pytest.param(
        {
            "compose.yaml": "services: {a: {labels: {a: =, b: 2024-02-30}, ports: [22:22], env_file: a.env}}",
            "a.env": "",
        },
        ["a.env", "compose.yaml"],
        id="values that are a trap elsewhere",
    ),
    pytest.param(
        {"compose.yaml": "services: {a: {env_file: [{path: ../gone, required: false}, {path: ./b}]}}", "b": ""},
        ["b", "compose.yaml"],
        id="optional, outside, missing",
    ),
    pytest.param(
        {"compose.yaml": "include: [a.yaml]", "a.yaml": "include: [b.yaml]", "b.yaml": "include: [a.yaml]"},
        ["a.yaml", "b.yaml", "compose.yaml"],
        id="a circle",
    ),
]


@pytest.mark.parametrize(("files", "expected"), FILES)
def test_files(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    assert project_files(locate(write(tmp_path, files))).paths == tuple(expected)


def test_compose_file_in_a_directory_below(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {"deploy/compose.yaml": "services: {a: {env_file: ../a.env}}", "deploy/.env": "", ".env": "", "a.env": ""},
    )
    assert project_files(locate(source, ["deploy/compose.yaml"])).paths == (
        ".env",
        "a.env",
        "deploy/.env",
        "deploy/compose.yaml",
    )


VARIABLES = [
    pytest.param({"compose.yaml": "services: {a: {image: 'x:${TAG:-$OTHER}'}}"}, {"TAG", "OTHER"}, id="interpolation"),
    pytest.param({"compose.yaml": "services: {a: {environment: {PASSED: , SET: 1}}}"}, {"PASSED"}, id="passed on"),
    pytest.param({"compose.yaml": "services: {a: {environment: [PASSED, SET=1]}}"}, {"PASSED"}, id="passed on, list"),
    pytest.param({"compose.yaml": "secrets: {s: {environment: TOKEN}}"}, {"TOKEN"}, id="secret from a variable"),
    pytest.param(
        {"compose.yaml": "services: {a: {env_file: e}}", "e": "A=$IN\nPASSED\n# no\n", ".env": "B=${ENV}"},
        {"IN", "PASSED", "ENV"},
        id="in .env and env_file",
    ),
    pytest.param(
        {"compose.yaml": "include: [i.yaml]", "i.yaml": "services: {a: {image: '$INCLUDED'}}"},
        {"INCLUDED"},
        id="included",
    ),
]


@pytest.mark.parametrize(("files", "expected"), VARIABLES)
def test_variables(tmp_path: Path, files: dict[str, str], expected: set[str]) -> None:
    assert project_files(locate(write(tmp_path, files))).variables == expected | ALWAYS


NAMES = [
    pytest.param({"compose.yaml": "name: a"}, [], ("a",), id="one"),
    pytest.param({"compose.yaml": "name: a", "compose.override.yaml": "name: b"}, [], ("a", "b"), id="override"),
    pytest.param({"x.yaml": "name: x", "y.yaml": "name: y"}, ["y.yaml", "x.yaml"], ("y", "x"), id="as given"),
    pytest.param({"compose.yaml": "include: [i.yaml]", "i.yaml": "name: infra"}, [], (), id="included"),
    pytest.param(
        {
            "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}",
            "b.yaml": "name: b\nservices: {b: {}}",
        },
        [],
        (),
        id="extended",
    ),
    pytest.param({"compose.yaml": "name: a\n---\nname: b\n"}, [], ("a", "b"), id="documents"),
    pytest.param({"compose.yaml": "name: ''", "compose.override.yaml": "name: 7"}, [], (), id="empty, no text"),
]


@pytest.mark.parametrize(("files", "given", "expected"), NAMES)
def test_names(tmp_path: Path, files: dict[str, str], given: list[str], expected: tuple[str, ...]) -> None:
    assert project_files(locate(write(tmp_path, files), given)).names == expected


VAULT = {
    "vault/c.yaml": "secrets: {pw: {environment: PW}}\nconfigs: {c: {environment: '${N:-C}'}}",
    "vault/.env": "PW=x",
}
INSIDE_VAULT = {"project_directory": "vault", "env_file": []}
SCOPES: list[Any] = [
    pytest.param({"compose.yaml": "secrets: {pw: {environment: PW}}"}, {}, {}, id="the project's own"),
    pytest.param(
        {"compose.yaml": "include: [vault/c.yaml]", **VAULT},
        {},
        {"secrets.pw": (INSIDE_VAULT,), "configs.c": (INSIDE_VAULT,)},
        id="included",
    ),
    pytest.param(
        {"compose.yaml": "include: [vault/c.yaml]", **VAULT, ".env": "C=1"},
        {"PW": ""},
        {},
        id="included, but the project has them",
    ),
    pytest.param(
        {
            "compose.yaml": "include: [{path: [one/c.yaml], project_directory: two, env_file: [a.env, one/b.env]}]",
            "one/c.yaml": "include: [../vault/c.yaml]",
            **VAULT,
        },
        {"C": "1"},
        {"secrets.pw": ({"project_directory": "two", "env_file": ["a.env", "one/b.env"]}, INSIDE_VAULT)},
        id="nested",
    ),
]


@pytest.mark.parametrize(("files", "env", "expected"), SCOPES)
def test_scopes(tmp_path: Path, files: dict[str, str], env: dict[str, str], expected: dict[str, Any]) -> None:
    found = project_files(locate(write(tmp_path, files), env=env))
    assert found.scopes == expected
    assert {"PW"} <= found.variables


OUTSIDE = [
    pytest.param("services: {a: {env_file: ../a.env}}", "env_file of service 'a' is '{up}/a.env'", id="env_file"),
    pytest.param(
        "services: {a: {extends: {file: ../b.yaml}}}", "extends of service 'a' is '{up}/b.yaml'", id="extends"
    ),
    pytest.param("include: [../i.yaml]", "included file is '{up}/i.yaml'", id="include"),
    pytest.param("secrets: {s: {file: x/../../s}}", "secret 's' is '{up}/s'", id="secret"),
]


@pytest.mark.parametrize(("text", "expected"), OUTSIDE)
def test_path_that_leaves_the_project(tmp_path: Path, text: str, expected: str) -> None:
    source = write(tmp_path / "project", {"compose.yaml": text})
    with pytest.raises(DeliveryError) as caught:
        project_files(locate(source))
    assert str(caught.value).startswith(expected.format(up=tmp_path) + f", outside the project directory '{source}'")
    assert "or set project_src to a directory that holds both" in str(caught.value)


def test_absolute_path_into_the_project(tmp_path: Path) -> None:
    source = write(tmp_path, {"s": ""})
    write(tmp_path, {"compose.yaml": f"secrets: {{s: {{file: {source}/s}}}}"})
    with pytest.raises(DeliveryError, match="another path on the manager: write it relative to the project"):
        project_files(locate(source))


def test_bad_yaml_names_file_and_line(tmp_path: Path) -> None:
    source = write(tmp_path, {"compose.yaml": "services:\n  a: [\n"})
    with pytest.raises(DeliveryError, match=r"compose\.yaml' line 3 is not valid YAML: "):
        project_files(locate(source))
