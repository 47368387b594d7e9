# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was written for a setting, through Ansible's own reading of variables and its vault."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret, VaultSecretsContext
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar, trust_as_template
from ansible.utils.vars import load_extra_vars
from ansible_collections.dockerflow.delivery.plugins.action import flow_settings

Read = Callable[..., dict[str, Any]]
SECRETS = [("default", VaultSecret(b"open sesame"))]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    project = tmp_path / "books-ms"
    project.mkdir()
    (project / "compose.yaml").write_text("services: {app: {image: x}}")
    (project / "docker-flow.yml").write_text("target: app\n")
    return project


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, source: Path) -> Read:
    """Call C(read("-e option", …, inventory={…})); returns what the plugin returns."""

    def call(
        *options: str, inventory: dict[str, Any] | None = None, secrets: Any = (), basedir: str | None = None
    ) -> dict[str, Any]:
        monkeypatch.setattr(context, "CLIARGS", ImmutableDict(extra_vars=tuple(trust_as_template(o) for o in options)))
        monkeypatch.delattr(load_extra_vars, "extra_vars", raising=False)
        monkeypatch.setattr(VaultSecretsContext, "_current", VaultSecretsContext(list(secrets)))
        loader = DataLoader()
        loader.set_vault_secrets(list(secrets))
        given = {**(inventory or {}), **load_extra_vars(loader)}
        if basedir is not None:  # what Ansible sets it to when the plays begin
            loader.set_basedir(basedir)
        task = Task()
        task.args = {"project_src": str(source)}
        connection = connection_loader.get("local", PlayContext())
        plugin = flow_settings.ActionModule(task, connection, None, loader, Templar(loader, given), None)
        return plugin.run(task_vars=given)

    yield call
    monkeypatch.delattr(load_extra_vars, "extra_vars", raising=False)


ON_THE_COMMAND_LINE: list[Any] = [
    pytest.param(["scale=+2"], "scale", "+2", id="name=value"),
    pytest.param(["{scale: +2}"], "scale", "+2", id="sign"),
    pytest.param(['{"scale": 3}'], "scale", "3", id="number in JSON"),
    pytest.param(
        ['{"env": {"A": 1.10, "B": true, "C": "x\\/y"}}'], "env", {"A": "1.10", "B": "true", "C": "x/y"}, id="JSON"
    ),
    pytest.param(["{env: {COUNTRY: NO, BUILD: 0123}}"], "env", {"COUNTRY": "NO", "BUILD": "0123"}, id="YAML"),
    pytest.param(["{env: {NO: a}}"], "env", {"NO": "a"}, id="a name"),
    pytest.param(["{flow_project: 007}"], "project", "007", id="with its prefix"),
    pytest.param(["{scale: 1}", "{scale: +2}"], "scale", "+2", id="the last one"),
    pytest.param(["{scale: 05}", "scale=4"], "scale", "4", id="the last one, otherwise"),
    pytest.param(["{service_domain: [1.10, b]}"], "service_domain", ["1.10", "b"], id="list"),
    pytest.param(["{size: 3, scale: '{{ size }}'}"], "scale", "3", id="template that counts"),
    pytest.param(["{timeout: 0060}"], "timeout", 60, id="a number is decimal"),
]


@pytest.mark.parametrize(("options", "name", "expected"), ON_THE_COMMAND_LINE)
def test_an_extra_var_is_what_was_typed(read: Read, options: list[str], name: str, expected: Any) -> None:
    result = read(*options)
    assert result["settings"][name] == expected, result


def test_a_file_of_extra_vars_is_what_was_written(read: Read, tmp_path: Path) -> None:
    (tmp_path / "vars.yml").write_text("env:\n  AT: 12:30\n  RELEASE: 1.10\n  DAY: 2024-02-03\n")
    expected = {"AT": "12:30", "RELEASE": "1.10", "DAY": "2024-02-03"}
    assert read(f"@{tmp_path / 'vars.yml'}")["settings"]["env"] == expected


def test_its_path_is_the_command_s(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vars.yml").write_text("scale: +2\n")
    monkeypatch.chdir(tmp_path)
    assert read("@vars.yml", basedir="/")["settings"]["scale"] == "+2"


def test_what_can_be_read_once_is_read_once(read: Read, tmp_path: Path) -> None:
    pipe = tmp_path / "vars"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("scale: +2\ntimeout: 5\n",), daemon=True)
    writer.start()
    assert read(f"@{pipe}")["msg"].startswith("scale '2' is a number, which YAML made of what was written")


def test_an_encrypted_file_of_extra_vars(read: Read, tmp_path: Path) -> None:
    (tmp_path / "vars.yml").write_bytes(VaultLib(SECRETS).encrypt(b"env: {BUILD: 0123}"))
    assert read(f"@{tmp_path / 'vars.yml'}", secrets=SECRETS)["settings"]["env"] == {"BUILD": "0123"}


@pytest.mark.parametrize(
    ("inventory", "expected"),
    [
        pytest.param({"flow_scale": 2}, "flow_scale '2' is a number, which YAML made of what was written", id="number"),
        pytest.param({"flow_env": {"COUNTRY": False}}, "flow_env has no text for 'COUNTRY' but a flag", id="flag"),
    ],
)
def test_what_the_inventory_lost_is_refused(read: Read, inventory: dict[str, Any], expected: str) -> None:
    result = read(inventory=inventory)
    assert result["msg"].startswith(expected), result
    assert result["msg"].endswith("put it in quotes")


def test_what_a_template_counts_is_no_loss(read: Read) -> None:
    inventory = {"size": 3, "flow_scale": trust_as_template("{{ size }}"), "flow_timeout": 9, "flow_force": True}
    settings = read(inventory=inventory)["settings"]
    assert (settings["scale"], settings["timeout"], settings["force"]) == ("3", 9, True)


def encrypted(text: str, indent: str) -> str:
    lines = VaultLib(SECRETS).encrypt(text).decode().splitlines()
    return "!vault |\n" + "\n".join(indent + line for line in lines) + "\n"


def test_an_encrypted_value_in_the_project(read: Read, source: Path) -> None:
    (source / "docker-flow.yml").write_text(f"target: app\nenv:\n  PASS: {encrypted('s3cr3t: 01', '    ')}")
    assert read(secrets=SECRETS)["settings"]["env"] == {"PASS": "s3cr3t: 01"}


def test_an_encrypted_settings_file(read: Read, source: Path) -> None:
    (source / "docker-flow.yml").write_bytes(VaultLib(SECRETS).encrypt(b"target: app\nscale: +2\n"))
    assert read(secrets=SECRETS)["settings"]["scale"] == "+2"


@pytest.mark.parametrize("secrets", [(), [("default", VaultSecret(b"other"))]], ids=["none", "another one"])
@pytest.mark.parametrize("whole", [True, False], ids=["file", "value"])
def test_without_its_password_nothing_is_released(read: Read, source: Path, secrets: Any, whole: bool) -> None:
    text = VaultLib(SECRETS).encrypt("target: app").decode() if whole else f"env:\n  PASS: {encrypted('x', '    ')}"
    (source / "docker-flow.yml").write_text(text)
    message = read(secrets=secrets)["msg"]
    assert "is encrypted with Ansible Vault and cannot be decrypted (" in message
    assert message.endswith("give its password with --vault-password-file or --ask-vault-pass")
    assert "\n" not in message
    assert ("docker-flow.yml' is" if whole else "'PASS' of env in docker-flow.yml is") in message
