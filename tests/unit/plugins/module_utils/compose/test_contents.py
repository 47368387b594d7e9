# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose import contents as contents_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.command import Compose
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.contents import (
    ask_values,
    contents,
    from_variables,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.scope import Step
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError


def document(section: str = "secrets", **definitions: Any) -> dict[str, Any]:
    """A project whose service uses all of C(definitions)."""
    used = [{"source": key} for key in definitions]
    return {"services": {"app": {section: used}, "other": {}}, section: definitions}


SOURCES: list[Any] = [
    pytest.param({"environment": "PW"}, {("secrets", "s"): "PW"}, id="variable"),
    pytest.param({"environment": "PW", "external": True}, {}, id="external"),
    pytest.param({"environment": "PW", "driver": "d"}, {}, id="driver"),
    pytest.param({"environment": "PW", "content": "x"}, {}, id="content, which a later Compose adds"),
    pytest.param({"file": "/s"}, {}, id="file"),
]


@pytest.mark.parametrize(("definition", "expected"), SOURCES)
def test_what_comes_from_variables(definition: dict[str, Any], expected: Mapping[tuple[str, str], str]) -> None:
    assert from_variables(document(s=definition), []) == expected
    assert from_variables(document(s=definition), ["other"]) == {}


SIZES: list[Any] = [
    pytest.param(
        "secrets", "", "secret 's' is empty, and Swarm takes no empty secret: put something into", id="secret"
    ),
    pytest.param("configs", "", "config 's' is empty, and Swarm takes no empty config: put something", id="config"),
    pytest.param(
        "secrets", "x" * 512_000, "has 512000 bytes, and Swarm takes at most 511999: make it", id="large secret"
    ),
    pytest.param("configs", "x" * 1_024_000, "has 1024000 bytes, and Swarm takes at most 1023999", id="large config"),
    pytest.param("secrets", "x" * 511_999, None, id="largest secret"),
    pytest.param("configs", "x" * 1_023_999, None, id="largest config"),
]


@pytest.mark.parametrize(("section", "value", "expected"), SIZES)
def test_what_swarm_does_not_take(section: str, value: str, expected: str | None, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text(value)
    for definition in ({"environment": "PW"}, {"content": value}, {"file": str(path)}):
        given = document(section, s=definition)
        values: dict[tuple[str, str], str | None] = {(section, "s"): value}
        if expected is None:
            assert contents(given, [], values) == {(section, "s"): value.encode()}
            continue
        with pytest.raises(DeliveryError) as caught:
            contents(given, [], values)
        assert expected in str(caught.value)


COMPOSE = Compose(("no-such-docker", "compose"), Path("/p"), (), {}, 1)


class Questions:
    """Answers as Compose does, and keeps the files that it was shown."""

    def __init__(self, values: Mapping[str, str | None]) -> None:
        self.values = values
        self.arguments: list[str] = []
        self.top: dict[str, Any] = {}
        self.included: list[dict[str, Any]] = []

    def resolve(self, _compose: Compose, arguments: list[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
        self.arguments = arguments
        self.top = self._read(arguments[arguments.index("--file") + 1])
        services = dict(self.top["services"])
        for file in self.included:
            services |= file["services"]
        answered = {
            name: {"environment": {variable: self.values[variable] for variable in service["environment"]}}
            for name, service in services.items()
        }
        return {"services": answered}, ()

    def _read(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(Path(path).read_text())
        for entry in found["include"]:
            self.included.append(self._read(entry.pop("path")))
        return found


def step(directory: str, *files: str) -> Step:
    return Step(project_directory=directory, env_file=list(files))


def test_compose_is_asked_in_the_place_of_each_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = Questions({"A": "1", "B": "", "C": None, "D": "4"})
    monkeypatch.setattr(contents_module, "resolve", questions.resolve)
    scopes: dict[str, Sequence[Step]] = {
        "secrets.b": [step("vault")],
        "secrets.c": [step("vault"), step("vault/deep", "x.env")],
        "secrets.d": [step("vault")],
    }
    variables = {("secrets", key): key.upper() for key in "abcd"}
    found = ask_values(COMPOSE, Path("/p/deploy"), variables, scopes)
    assert found == {("secrets", "a"): "1", ("secrets", "b"): "", ("secrets", "c"): None, ("secrets", "d"): "4"}
    assert questions.arguments[:4] == ["--project-directory", "/p/deploy", "--project-name", "probe"]
    assert questions.arguments[6:] == ["config", "--format", "json"]
    assert questions.top["include"] == [{"project_directory": "/p/vault"}]
    assert [file["include"] for file in questions.included] == [
        [],
        [{"project_directory": "/p/vault/deep", "env_file": ["/p/x.env"]}],
    ]
    assert not Path(questions.arguments[5]).exists()


def test_nothing_is_asked_without_variables() -> None:
    assert ask_values(COMPOSE, Path("/p"), {}, {}) == {}
