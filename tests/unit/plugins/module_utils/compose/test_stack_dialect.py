# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import ComposeProject, load_project
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.recorded import copy_project

NO_COMPOSE = ("no-such-docker", "compose")


def load(source: Path, **options: Any) -> ComposeProject:
    return load_project(str(source), compose_command=NO_COMPOSE, **options)


def written(directory: Path, text: str) -> Path:
    (directory / "compose.yaml").write_text(text)
    return directory


def failure(source: Path, **options: Any) -> str:
    with pytest.raises(DeliveryError) as caught:
        load(source, **options)
    return str(caught.value)


def test_short_forms_become_long_ones(tmp_path: Path) -> None:
    source = copy_project("plain", tmp_path)
    project = load(source, env={"APP_VERSION": "7", "COUNT": "3", "FROM_ENV": "e"})
    assert project.name == "plain"
    assert project.service("app") == {
        "image": "example/app:7",
        "command": ["serve", "--name", "two words", "--dollar", "$1"],
        "environment": {"A": "1", "B": "info", "FROM_ENV": "e", "THEME": "dark"},
        "labels": {"x": "y"},
        "ports": [
            {"mode": "ingress", "protocol": "tcp", "target": 8080},
            {"mode": "ingress", "protocol": "udp", "target": 53, "published": 53},
            {"mode": "ingress", "protocol": "tcp", "host_ip": "192.0.2.1", "target": 81, "published": 81},
            {"mode": "ingress", "protocol": "tcp", "host_ip": "192.0.2.1", "target": 82, "published": 82},
        ],
        "volumes": [
            {"type": "bind", "source": f"{source}/site", "target": "/site", "read_only": True},
            {"type": "volume", "source": "books", "target": "/books"},
            {"type": "volume", "target": "/anonymous"},
        ],
        "configs": [{"source": "rules"}],
        "secrets": [{"source": "token", "target": "t"}],
        "networks": {"default": None, "other": None},
        "depends_on": {"db": {"condition": "service_started"}},
        "dns": ["192.0.2.53"],
        "tmpfs": ["/scratch"],
        "healthcheck": {"test": ["CMD-SHELL", "/check"]},
        "extra_hosts": ["one.example.org=192.0.2.1"],
        "sysctls": {"net.core.somaxconn": "1"},
        "deploy": {"replicas": 3, "labels": {"n": "1", "b": "true"}},
    }
    assert project.document["networks"] == {"other": {"external": True, "name": "shared"}}
    assert project.document["volumes"] == {"books": {"name": "plain_books"}}
    assert project.document["configs"] == {"rules": {"name": "plain_rules", "file": f"{source}/rules.txt"}}
    assert project.document["secrets"] == {"token": {"external": True, "name": "token"}}
    assert project.contents == {("configs", "rules"): b"allow all\n"}


def test_project_name(tmp_path: Path) -> None:
    source = tmp_path / "My Shop.2"
    source.mkdir()
    written(source, "services: {app: {image: a}}")
    assert load(source).name == "myshop2"
    (source / ".env").write_text("COMPOSE_PROJECT_NAME=shop\n")
    assert load(source).name == "shop"
    assert load(source, project_name="store").name == "store"


REFUSED = [
    pytest.param("name: x\nservices: {a: {image: x}}", "the file has name; install Docker's Compose plugin", id="name"),
    pytest.param("include: [x]\nservices: {a: {image: x}}", "the file has include; ", id="include"),
    pytest.param("services: {a: {extends: b}}", "service 'a' has extends; install", id="extends"),
    pytest.param(
        "services: {a: {image: x, profiles: [p], gpus: all}}", "service 'a' has gpus, profiles;", id="profiles"
    ),
    pytest.param(
        "services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}}",
        "service 'a' has depends_on in its long form; install",
        id="conditions",
    ),
    pytest.param("services: {a: {image: x", "compose.yaml' line 1 is not valid YAML: did not find expected", id="YAML"),
    pytest.param("services:\n  a:\n    image: x\n   b: 1\n", "compose.yaml' line 4 is not valid YAML", id="YAML line"),
    pytest.param("services: {a: {image: x}}\n---\nservices: {b: {image: x}}", "holds 2 documents, of which", id="two"),
    pytest.param(
        "services:\n  a: {image: x}\n  a: {image: y}\n", "line 3 is not valid YAML: the key 'a' stands", id="twice"
    ),
    pytest.param("[]", "has no services: add a mapping of that name", id="no mapping"),
    pytest.param("", "has no services", id="empty"),
    pytest.param("services: {a: [x]}", "service 'a' is no mapping", id="service"),
    pytest.param(
        "services: {a: {image: 'x:${T:?choose}'}}", "is not valid: variable 'T' is not set: choose", id="variable"
    ),
    pytest.param(
        "services: {a: {image: x, env_file: gone}}", "env_file 'gone' of service 'a' is missing", id="env_file"
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_refused(tmp_path: Path, text: str, expected: str) -> None:
    message = failure(written(tmp_path, text), project_name="shop")
    assert expected in message
    assert str(tmp_path / "compose.yaml") in message


PORTS = [
    pytest.param("2222:22", [{"mode": "ingress", "protocol": "tcp", "target": 22, "published": 2222}], id="base 60"),
    pytest.param("22:22", [{"mode": "ingress", "protocol": "tcp", "target": 22, "published": 22}], id="base 60, small"),
    pytest.param("8080", [{"mode": "ingress", "protocol": "tcp", "target": 8080}], id="number"),
    pytest.param("1_000:1_0", "port '1_000:1_0' is not valid", id="no number"),
]


@pytest.mark.parametrize(("port", "expected"), PORTS)
def test_unquoted_ports(tmp_path: Path, port: str, expected: object) -> None:
    source = written(tmp_path, f"services:\n  a:\n    image: x\n    ports:\n      - {port}\n")
    if isinstance(expected, str):
        assert expected in failure(source, project_name="shop")
    else:
        assert load(source, project_name="shop").service("a")["ports"] == expected


def test_unquoted_scalars_are_what_the_docker_client_reads(tmp_path: Path) -> None:
    text = (
        "services: {a: {image: x, init: yes, read_only: Off, environment: {A: yes, B: 0o17, C: 1.50, D: 22:22, "
        "E: 1e6}, labels: {a: =, b: 2024-02-30, c: 2024-02-03}, configs: [{source: c, mode: 0440}]}}\n"
        "configs: {c: {external: true}}\n"
    )
    service = load(written(tmp_path, text), project_name="shop").service("a")
    assert service["environment"] == {"A": "yes", "B": "15", "C": "1.5", "D": "22:22", "E": "1e+06"}
    assert service["labels"] == {"a": "=", "b": "2024-02-30", "c": "2024-02-03"}
    assert (service["init"], service["read_only"], service["configs"][0]["mode"]) == (True, False, 0o440)


def test_env_file_as_the_docker_client_reads_it(tmp_path: Path) -> None:
    (tmp_path / "e").write_text("\ufeffA=\"x\"\r\n# no\n\n  B=a # c \nC='y'\nFROM_ENV\nGONE\nD=$A\nE=\n", newline="")
    source = written(tmp_path, "services: {a: {image: x, env_file: e, environment: {E: over}}}")
    found = load(source, env={"FROM_ENV": "e"}, project_name="shop").service("a")["environment"]
    assert found == {"A": '"x"', "B": "a # c ", "C": "'y'", "FROM_ENV": "e", "D": "$A", "E": "over"}


@pytest.mark.parametrize("line", ["export A=1", "A =1", "=1", "A: 1"])
def test_env_file_that_the_docker_client_refuses(tmp_path: Path, line: str) -> None:
    (tmp_path / "e").write_text(f"\n{line}\n")
    message = failure(written(tmp_path, "services: {a: {image: x, env_file: e}}"), project_name="shop")
    assert message == f"env_file '{tmp_path}/e' line 2 is not valid: write it as NAME=value"


def test_files_are_not_merged(tmp_path: Path) -> None:
    written(tmp_path, "services: {a: {image: x}}")
    (tmp_path / "compose.override.yaml").touch()
    assert failure(tmp_path).startswith("2 Compose files cannot be merged here: install Docker's Compose plugin")


def test_unknown_target(tmp_path: Path) -> None:
    message = failure(written(tmp_path, "services: {app: {image: x}}"), services=["ap"], project_name="shop")
    assert message.endswith("(did you mean 'app'?): available are app")


def test_values_of_variables_are_typed(tmp_path: Path) -> None:
    text = (
        "services: {a: {image: x, init: '$YES', deploy: {replicas: '${N}'}, healthcheck: {retries: '$N'}, user: '$N'}}"
    )
    service = load(written(tmp_path, text), env={"YES": "true", "N": "4"}, project_name="shop").service("a")
    assert json.dumps([service["init"], service["deploy"], service["healthcheck"], service["user"]]) == (
        '[true, {"replicas": 4}, {"retries": 4}, "4"]'
    )
