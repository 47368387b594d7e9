# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: what people do with Ansible every day, from any directory, does what it says or is an error.

Time budget: 90 s.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.dockerflow.delivery.tests.integration.playbook import (
    ANSIBLE_PLAYBOOK,
    ROOT,
    Playbook,
    PlaybookResult,
)
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World

VAULT = VaultLib([("default", VaultSecret(b"open sesame"))])


@pytest.fixture(scope="module")
def books(new_project: Callable[..., Project]) -> Project:
    """A project that is never live."""
    return new_project("everyday", lean=True)


def in_directory(directory: Path, *options: str, drop: tuple[str, ...] = (), **variables: str) -> tuple[int, str]:
    """deploy.yml --check as given in C(directory): exit status and output. C(drop) from the environment."""
    environment = {name: value for name, value in os.environ.items() if name not in drop} | variables
    command = [ANSIBLE_PLAYBOOK, ROOT / "deploy.yml", "-i", ROOT / "inventory/local.yml", "--check", *options]
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


# -- which project -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("-e", "target=app")], ids=["no target", "target"])
def test_where_there_is_no_project_nothing_is_released(tmp_path: Path, options: tuple[str, ...]) -> None:
    rc, output = in_directory(tmp_path, *options, PWD=str(ROOT))
    assert rc != 0
    assert f"no project was found in the working directory '{tmp_path}'" in output
    assert "books-ms" not in output


@pytest.mark.parametrize("environment", [{"drop": ("PWD",)}, {"PWD": "/"}, {"PWD": str(ROOT)}], ids=str)
def test_a_compose_file_of_any_name_wherever_the_shell_thinks_it_is(
    books: Project, tmp_path: Path, environment: dict[str, Any]
) -> None:
    (tmp_path / "main.compose.yml").write_text(json.dumps(books.compose()), encoding="utf-8")
    (tmp_path / "docker-flow.yml").write_text("target: app\ncompose_path: main.compose.yml\nflow: deploy\n")
    rc, output = in_directory(tmp_path, BOOKS_MS_VERSION="1", **environment)
    assert rc == 0, output
    assert "everyday_app-blue" in in_directory(tmp_path, "-v", BOOKS_MS_VERSION="1", **environment)[1]


def test_the_checkout_releases_the_sample() -> None:
    rc, output = in_directory(ROOT, "-e", "target=nobody", BOOKS_MS_VERSION="1", PWD="/")
    assert rc != 0
    assert "target 'nobody' is no service of" in output
    assert "examples/books-ms" in output


# -- options -----------------------------------------------------------------------------------------------------------


def test_check_before_the_first_release(books: Project) -> None:
    foretold = books.deploy("1", check=True, diff=True)
    assert foretold.succeeded, str(foretold)
    assert foretold.of("blue_green_deploy").values["diff"]["after"]["service"] == "everyday_app-blue"
    assert books.counts() == {}
    assert books.world.consul.release(books.service) is None


def test_an_empty_target_is_none(books: Project) -> None:
    refused = books.deploy("1", target="")
    assert refused.failure.startswith("target is missing: it was given without a value"), str(refused)


ROLE = {"name": "Release", "ansible.builtin.import_role": {"name": "dockerflow.delivery.release"}, "tags": ["shop"]}
LARGER: list[Any] = [
    pytest.param({"import_playbook": str(ROOT / "deploy.yml"), "tags": ["shop"]}, id="playbook"),
    pytest.param({"hosts": "managers", "become": True, "gather_facts": False, "tasks": [ROLE]}, id="role"),
]


@pytest.mark.parametrize("play", LARGER)
def test_tags_of_a_larger_playbook(books: Project, tmp_path: Path, play: dict[str, Any]) -> None:
    """Whoever has a release in his playbook by a tag gets all of it, or nothing; our playbooks say so."""
    site = tmp_path / "site.yml"
    site.write_text(json.dumps([play]), encoding="utf-8")
    extra = {"project_src": str(books.folder), "flow": "deploy,proxy"}

    def run(tags: str) -> PlaybookResult:
        environment = {"BOOKS_MS_VERSION": "1"}
        result = Playbook(str(site), extra, environment, check=True, options=("--tags", tags)).run()
        assert result.succeeded, str(result)
        return result

    assert run("shop").all_of("proxy_reconfigure")
    other = run("database")
    assert other.changed == []
    assert other.all_of("flow_settings") == []
    if "import_playbook" in play:
        assert "Nothing is done: no task here has the tag database" in other.of("debug").values["msg"]


def test_limit_without_any_host(books: Project) -> None:
    nobody = books.command("deploy.yml", check=True, options=("--limit", "nobody")).run()
    assert nobody.rc != 0, str(nobody)


# -- secrets -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vaulted(books: Project, tmp_path: Path) -> tuple[str, ...]:
    """The project with an encrypted value, environment file and secret; the options that decrypt them."""
    lines = VAULT.encrypt("in the settings: 01").decode().splitlines()
    value = "\n".join(f"    {line}" for line in lines)
    with (books.folder / "docker-flow.yml").open("a", encoding="utf-8") as file:
        file.write(f"env:\n  PASS: !vault |\n{value}\n")
    (books.folder / "app.env").write_bytes(VAULT.encrypt("IN_FILE=in a file\n"))
    (books.folder / "secret.txt").write_bytes(VAULT.encrypt("a secret"))
    document = books.compose()
    service = document["services"]["app"]
    service["environment"] = {**service.get("environment", {}), "PASS": "${PASS}"}
    service |= {"env_file": ["app.env"], "secrets": ["word"]}
    books.write_compose(document | {"secrets": {"word": {"file": "secret.txt"}}})
    password = tmp_path / "password"
    password.write_text("open sesame\n", encoding="utf-8")
    return ("--vault-password-file", str(password), "-e", f"release_directory={tmp_path / 'manager'}")


def test_nothing_encrypted_reaches_a_container(books: Project, world: World, vaulted: tuple[str, ...]) -> None:
    refused = books.deploy("1", flow="deploy")
    assert "'PASS' of env in docker-flow.yml is encrypted with Ansible Vault" in refused.failure, str(refused)
    assert books.counts() == {}
    result = books.command("deploy.yml", "1", flow="deploy", options=vaulted).run()
    assert result.succeeded, str(result)
    (service,) = world.swarm.client.services.list(filters={"name": "everyday_app-blue"})
    environment = service.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    assert {"PASS=in the settings: 01", "IN_FILE=in a file"} <= set(environment)
    (instance,) = books.instances("blue")
    container = world.swarm.client.containers.get(instance.container)
    assert container.exec_run(["cat", "/run/secrets/word"]).output == b"a secret"
    assert "in the settings" not in result.stdout + result.stderr
