# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import load_project
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.recorded import (
    recorded_compose,
    recorded_project,
)

RESOLVED = {"name": "shop", "services": {"app": {"image": "a", "environment": {"PRICE": "5$$"}}, "db": {"image": "d"}}}


def project(directory: Path, text: str = "services: {app: {image: a}}", **answers: str | None) -> dict[str, object]:
    """Options for load_project() with a Compose that gives C(answers)."""
    source = directory / "shop"
    source.mkdir()
    (source / "compose.yaml").write_text(text)
    return {"project_src": str(source), "compose_command": recorded_compose(directory, **answers)}  # type: ignore[arg-type]


def calls(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / "compose-command/calls.jsonl").read_text().splitlines()]


def failure(options: dict[str, object], **more: object) -> str:
    with pytest.raises(DeliveryError) as caught:
        load_project(**{**options, **more})  # type: ignore[arg-type]
    return str(caught.value)


def test_what_compose_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRELATED", "1")
    options = project(tmp_path, config=json.dumps(RESOLVED))
    source = tmp_path / "shop"
    load_project(
        **options,  # type: ignore[arg-type]
        services=["app", "db", "app"],
        profiles=["one", "two"],
        env={"TAG": "7", "HOME": "/elsewhere"},
        project_name="shop",
    )
    _probe, config = calls(tmp_path)
    assert config["arguments"] == [
        *("--file", str(source / "compose.yaml"), "--project-name", "shop"),
        *("--profile", "one", "--profile", "two", "config", "--format", "json", "app", "db"),
    ]
    env = config["env"]
    assert isinstance(env, dict)
    assert env["TAG"] == "7"
    assert env["HOME"] == "/elsewhere"
    # Python adds LC_CTYPE to its own environment.
    assert set(env) - {"LC_CTYPE"} == {"PATH", "HOME", "DOCKER_CONFIG", "TAG"}
    assert not env["DOCKER_CONFIG"].startswith("/elsewhere")


def test_dollars_are_single_again(tmp_path: Path) -> None:
    loaded = load_project(**project(tmp_path, config=json.dumps(RESOLVED)))  # type: ignore[arg-type]
    assert loaded.service("app")["environment"] == {"PRICE": "5$"}
    assert loaded.name == "shop"


def test_environment_of_services_is_not_in_the_representation(tmp_path: Path) -> None:
    loaded = load_project(**project(tmp_path, config=json.dumps(RESOLVED)))  # type: ignore[arg-type]
    assert "5$" not in repr(loaded)


LOG = 'time="2026-01-01T00:00:00Z" level=warning msg="{}"\n'
UNSET = LOG.format('The \\"{}\\" variable is not set. Defaulting to a blank string.')
DOLLAR_IN_VALUE = (
    "a value in .env, an env_file or an included file refers to a variable that is not set: "
    "put values that contain a dollar sign in single quotes"
)
WARNINGS = [
    pytest.param(
        UNSET.format("TAG") * 2,
        ["variable 'TAG' of the Compose file is not set, its value is empty"],
        id="unset, said once",
    ),
    pytest.param(
        UNSET.format("sw0rd"),
        [DOLLAR_IN_VALUE],
        id="piece of a password is not shown",
    ),
    pytest.param(LOG.format("/x/compose.yaml: the attribute `version` is obsolete"), [], id="version"),
    pytest.param(LOG.format("Found multiple config files"), ["Found multiple config files"], id="others as they are"),
]


@pytest.mark.parametrize(("log", "expected"), WARNINGS)
def test_warnings(tmp_path: Path, log: str, expected: list[str]) -> None:
    options = project(tmp_path, "services: {app: {image: 'a:$TAG'}}", config=json.dumps(RESOLVED), stderr=log)
    assert list(load_project(**options).warnings) == expected  # type: ignore[arg-type]


FAILURES = [
    pytest.param(
        "yaml: line 3: mapping values are not allowed\n", "{file} is not valid: yaml: line 3: mapping", id="yaml"
    ),
    pytest.param(
        "validating {file}: services.app Additional property foo is not allowed\n",
        "{file} is not valid: services.app Additional property foo is not allowed",
        id="schema",
    ),
    pytest.param(
        UNSET.format("X") + "error while interpolating services.app.image: required variable TAG is missing\n",
        "{file} is not valid: error while interpolating services.app.image: required variable TAG is missing",
        id="required variable, without the log",
    ),
    pytest.param("one\ntwo: invalid compose project", "{file} is not valid: one two", id="several lines"),
    pytest.param("", "{file} is not valid: it gave no reason", id="silent"),
]


@pytest.mark.parametrize(("said", "expected"), FAILURES)
def test_failure_is_one_sentence_that_names_the_file(tmp_path: Path, said: str, expected: str) -> None:
    file = str(tmp_path / "shop/compose.yaml")
    options = project(tmp_path, stderr=said.replace("{file}", file))
    assert failure(options).startswith(f"Compose file {expected.format(file=file)}")


UNKNOWN = [
    pytest.param(
        ["ap"], "ap", "target 'ap' is no service of {file} (did you mean 'app'?): available are app, db", id="target"
    ),
    pytest.param(
        ["app", "dbb"], "dbb", "side_targets 'dbb' is no service of {file} (did you mean 'db'?)", id="side target"
    ),
    pytest.param(
        ["app"], "db", "service 'db', which app depends on, belongs to a profile that is not active in", id="profile"
    ),
    pytest.param(
        ["app"], "gone", "service 'gone', which app depends on, is not in {file}: add it there", id="dependency"
    ),
]


@pytest.mark.parametrize(("services", "missing", "expected"), UNKNOWN)
def test_unknown_service(tmp_path: Path, services: list[str], missing: str, expected: str) -> None:
    options = project(tmp_path, every=json.dumps(RESOLVED), stderr=f"no such service: {missing}\n")
    assert expected.format(file=tmp_path / "shop/compose.yaml") in failure(options, services=services)


def test_target_asked_for_later_is_checked_too(tmp_path: Path) -> None:
    loaded = load_project(**project(tmp_path, config=json.dumps(RESOLVED)))  # type: ignore[arg-type]
    with pytest.raises(DeliveryError, match=r"target 'web' is no service of .*: available are app, db$"):
        loaded.service("web")


@pytest.mark.parametrize("name", ["Shop", "my_shop", "", "-shop", "s" * 64])
def test_project_name_that_is_no_dns_label(tmp_path: Path, name: str) -> None:
    options = project(tmp_path, config=json.dumps({**RESOLVED, "name": name}))
    message = failure(options)
    assert message.startswith(
        f"project '{name}' (from the Compose file, .env or the directory shop) is no valid DNS label"
    )
    assert "set project to" in message


def test_deadline(tmp_path: Path) -> None:
    options = project(tmp_path, config="{}")
    slow = tmp_path / "slow.py"
    slow.write_text("import sys, threading\nprint('2.0.0') if 'version' in sys.argv else threading.Event().wait()\n")
    message = failure(options, compose_command=(sys.executable, str(slow)), timeout=0.5)
    assert message.endswith("config' did not answer within 0.5 s: try again")


def test_contents_of_configs_and_secrets(tmp_path: Path) -> None:
    loaded = recorded_project("everything", tmp_path, "app", "db")
    assert loaded.contents == {
        ("configs", "rules"): b"allow all\n",
        ("configs", "greeting"): b"hello $you, 7",
        ("configs", "origin"): b"the .env file",
        ("secrets", "token"): b"not-a-real-token\n",
        ("secrets", "password"): b"the .env file",
    }
    assert "not-a-real-token" not in repr(loaded)


MISSING_CONTENT = [
    pytest.param({"file": "/nowhere/x"}, "config 'c' cannot be read from '/nowhere/x': No such file", id="file"),
    pytest.param({"environment": "NOPE"}, "config 'c' is taken from variable 'NOPE', which is not set", id="variable"),
    pytest.param(None, "uses config 'c' but does not define it", id="undefined"),
]


@pytest.mark.parametrize(("definition", "expected"), MISSING_CONTENT)
def test_content_that_is_not_there(tmp_path: Path, definition: dict[str, str] | None, expected: str) -> None:
    services = {"app": {"image": "a", "configs": [{"source": "c"}]}}
    configs = {} if definition is None else {"c": definition}
    options = project(tmp_path, config=json.dumps({"name": "shop", "services": services, "configs": configs}))
    assert expected in failure(options)
