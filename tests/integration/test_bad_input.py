# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is answered in one sentence that names the option and the fix, and nothing is touched.

Modules run in this process, against the real Docker and Consul; what the playbooks refuse is asked of them.
Time budget: 90 s.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.modules import blue_green_deploy, proxy_reconfigure, relative_scale
from ansible_collections.dockerflow.delivery.tests.integration.consul import Consul
from ansible_collections.dockerflow.delivery.tests.integration.modules import call as call_module
from ansible_collections.dockerflow.delivery.tests.integration.playbook import Playbook
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually
from ansible_collections.dockerflow.delivery.tests.integration.untouched import nothing_changes

Refusal = Callable[[ModuleType, dict[str, Any]], str]
MINE = {"claims", "rival", "wrong", "books_ms"}


@pytest.fixture(scope="module")
def live(new_project: Callable[..., Project]) -> Project:
    """A project that is live: what bad input must not touch, and what claims its paths."""
    project = new_project("claims", lean=True)
    project.release("1")
    return project


@pytest.fixture
def project(live: Project, world: World, tmp_path: Path) -> Project:
    """A project that was never released, with the settings of a good one."""
    return Project(world, "wrong", tmp_path, lean=True)


@pytest.fixture
def untouched(world: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], AbstractContextManager[None]]:
    """Call C(untouched()) around what must change nothing."""
    return partial(nothing_changes, world, MINE, "claims", tmp_path_factory.getbasetemp().parent)


@pytest.fixture
def refuse(live: Project, untouched: Callable[[], AbstractContextManager[None]]) -> Refusal:
    """Call a module with options that it must refuse; returns its message, after looking that nothing changed."""

    def call(module: ModuleType, options: dict[str, Any]) -> str:
        with untouched():
            answer = call_module(module, options)
        assert answer.get("failed") is True, answer
        return str(answer["msg"])

    return call


def deploy_options(source: Project, **changes: Any) -> dict[str, Any]:
    options = {"project_src": str(source.folder), "target": "app", "env": {"BOOKS_MS_VERSION": "1"}, "lock_wait": 0}
    return options | changes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"target": "ap"}, ["target", "'ap'", "app"], id="target not in the file"),
        pytest.param({"scale": "two"}, ["scale", "'two'", "+2"], id="scale is a word"),
        pytest.param({"scale": "+"}, ["scale", "'+'"], id="scale is a sign alone"),
        pytest.param({"scale": "-0"}, ["scale", "'-0'"], id="scale changes nothing"),
        pytest.param({"scale": "+2.5"}, ["scale", "'+2.5'"], id="scale with half an instance"),
        pytest.param({"scale": "-5"}, ["scale", "-5", "1"], id="scale below one"),
        pytest.param({"project": "books_ms"}, ["project", "'books_ms'", "DNS label"], id="project name no DNS label"),
        pytest.param({"project_src": "/nowhere"}, ["project_src", "/nowhere"], id="project directory missing"),
        pytest.param({"files": ["other.yml"]}, ["other.yml", "compose_path"], id="Compose file missing"),
        pytest.param({"env": {"BOOKS_MS_VERSION": "none"}}, ["dockerflow/books-ms:none"], id="image not found"),
        pytest.param(
            {"consul_addresses": ["http://127.0.0.1:9"]}, ["consul_addresses", "http://127.0.0.1:9"], id="Consul down"
        ),
        pytest.param({"consul_datacenter": "dc9"}, ["consul_datacenter", "dc9"], id="wrong datacenter"),
        pytest.param(
            {"docker_host": "unix:///nowhere.sock"}, ["docker_host", "unix:///nowhere.sock"], id="Docker socket missing"
        ),
    ],
)
def test_an_option_of_a_deploy(project: Project, refuse: Refusal, options: dict[str, Any], words: list[str]) -> None:
    message = refuse(blue_green_deploy, deploy_options(project, **options))
    assert_one_sentence(message, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("services: [", ["docker-compose.yml", "line"], id="invalid YAML"),
        pytest.param("", ["docker-compose.yml"], id="empty file"),
        pytest.param(
            "name: wrong\nservices: {app: {image: 'dockerflow/books-ms:1'}}\n",
            ["'app'", "port", "ports:"],
            id="target without ports",
        ),
        pytest.param(
            "name: wrong\nservices: {app: {image: 'dockerflow/books-ms:1', ports: ['127.0.0.1:8080:8080']}}\n",
            ["'app'", "127.0.0.1 only", "ports:"],
            id="target on loopback only",
        ),
        pytest.param(
            "name: wrong\nservices: {app: {image: 'dockerflow/books-ms:1', ports: ['8080'], networks: [inner]}}\n"
            "networks: {inner: {internal: true}}\n",
            ["'app'", "only on 'inner'", "add a network"],
            id="target on an internal network only",
        ),
        pytest.param(
            "name: wrong\nservices: {app: {image: 'dockerflow/books-ms:1', ports: ['8080'], network_mode: none}}\n",
            ["'app'", "network_mode 'none'", "remove network_mode"],
            id="target without a network",
        ),
    ],
)
def test_a_compose_file(project: Project, refuse: Refusal, text: str, words: list[str]) -> None:
    (project.folder / "docker-compose.yml").write_text(text, encoding="utf-8")
    assert_one_sentence(refuse(blue_green_deploy, deploy_options(project)), words)


def test_no_compose_file(project: Project, refuse: Refusal) -> None:
    (project.folder / "docker-compose.yml").unlink()
    message = refuse(blue_green_deploy, deploy_options(project))
    assert_one_sentence(message, ["project_src", str(project.folder), "docker-compose.yml"])


def test_an_engine_that_is_no_manager(project: Project, refuse: Refusal, lonely_engine: str) -> None:
    message = refuse(blue_green_deploy, deploy_options(project, docker_host=lonely_engine))
    assert_one_sentence(message, ["docker_host", lonely_engine, "manager"])


def test_a_wrong_token(project: Project, refuse: Refusal, guarded_consul: str) -> None:
    secret = "6f3f0a3e-0000-4000-8000-000000000000"
    options = deploy_options(project, consul_addresses=[guarded_consul], consul_token=secret)
    message = refuse(blue_green_deploy, options)
    assert_one_sentence(message, ["consul_token"])
    assert secret not in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"service_path": ["api"]}, ["service_path", "'api'", "slash"], id="path without a slash"),
        pytest.param({"service_path": ["/new"]}, ["wrong-app", "deploy"], id="nothing was deployed"),
    ],
)
def test_a_route(project: Project, refuse: Refusal, options: dict[str, Any], words: list[str]) -> None:
    options = {"project": "wrong", "target": "app", "lock_wait": 0} | options
    assert_one_sentence(refuse(proxy_reconfigure, options), words)


def test_a_path_that_another_service_has(refuse: Refusal, new_project: Callable[..., Project]) -> None:
    rival = new_project("rival", lean=True)
    rival.release("1", flow="deploy")
    options = {"project": "rival", "target": "app", "service_path": ["/version"], "service_domain": ["claims.example"]}
    message = refuse(proxy_reconfigure, options)
    assert_one_sentence(message, ["service_path", "claims.example/version", "claims-app"])


@pytest.mark.parametrize("scale", ["two", "+", "-0", "+2.5"])
def test_a_scale(refuse: Refusal, scale: str) -> None:
    options = {"project": "claims", "target": "app", "scale": scale, "lock_wait": 0}
    assert_one_sentence(refuse(relative_scale, options), ["scale", f"'{scale}'"])


def test_a_scale_below_zero(refuse: Refusal) -> None:
    message = refuse(relative_scale, {"project": "claims", "target": "app", "scale": "-5", "lock_wait": 0})
    assert_one_sentence(message, ["scale", "-5", "1"])


@pytest.mark.parametrize(
    ("settings", "extra", "words"),
    [
        pytest.param({"target": None}, {}, ["target"], id="no target"),
        pytest.param({}, {"flow": "deploy,prxy"}, ["flow", "prxy", "proxy"], id="unknown stage"),
        pytest.param({"service_pth": "/x"}, {}, ["service_pth", "service_path"], id="unknown name in docker-flow.yml"),
        pytest.param({}, {"project": "Books_MS"}, ["project", "'Books_MS'", "DNS label"], id="project no DNS label"),
        pytest.param({}, {"flow": "proxy,deploy"}, ["flow", "proxy", "deploy"], id="stages in a harmful order"),
    ],
)
def test_what_a_playbook_refuses(
    project: Project,
    untouched: Callable[[], AbstractContextManager[None]],
    settings: dict[str, Any],
    extra: dict[str, Any],
    words: list[str],
) -> None:
    wanted = {name: value for name, value in (project.settings() | settings).items() if value is not None}
    project.write_settings(wanted)
    with untouched():
        result = project.deploy("1", **extra)
    assert result.rc != 0, str(result)
    assert_one_sentence(result.failure, words)
    assert "Error" not in result.failure, "Ansible put its own words around ours"


def test_a_name_that_another_project_makes(refuse: Refusal, project: Project, world: World) -> None:
    compose = project.compose()
    compose["services"]["b-app"] = compose["services"].pop("app")
    project.write_compose(compose | {"name": "a"})
    record = {"schema": 1, "project": "a-b", "target": "app", "history": []}
    world.consul.put("releases/a-b-app", record)
    try:
        message = refuse(blue_green_deploy, deploy_options(project, target="b-app"))
    finally:
        world.consul.delete("releases/a-b-app")
    assert_one_sentence(message, ["'a-b-app'", "project 'a'", "target 'app' of project 'a-b'", "rename"])


def test_a_front_door_that_somebody_has(world: World, tmp_path: Path) -> None:
    playbook = tmp_path / "proxy.yml"
    play = {"hosts": "proxies", "become": True, "gather_facts": False, "roles": ["dockerflow.delivery.proxy"]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        mine = {
            "proxy_id": "story-second",
            "proxy_container": "story-second",
            "proxy_agent_container": "story-second-agent",
            "proxy_config_directory": str(tmp_path / "etc"),
            "proxy_data_directory": str(tmp_path / "data"),
            "proxy_http_port": port,
            "proxy_observe": "127.0.0.1:18404",
        }
        result = Playbook(str(playbook), mine).run()
    assert result.rc != 0, str(result)
    assert_one_sentence(result.failure, ["proxy_bind", f"*:{port}", "belongs to", "proxy_http_port"])
    assert result.changed == []
    assert "story-second" not in world.consul.proxies()
    assert list(tmp_path.iterdir()) == [playbook]


def assert_one_sentence(message: str, words: list[str]) -> None:
    for word in words:
        assert word in message, message
    assert "Traceback" not in message, message
    assert "\n" not in message.strip(), message


class LonelyEngine(BaseHTTPRequestHandler):
    """As much of a Docker Engine outside of any Swarm as a client asks before it knows that."""

    def do_GET(self) -> None:
        version = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"}
        swarm = {"Swarm": {"LocalNodeState": "inactive", "ControlAvailable": False}}
        body = json.dumps(version | swarm).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - inherited
        pass


@pytest.fixture
def lonely_engine(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "engine.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), LonelyEngine) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"unix://{path}"
        server.shutdown()


@pytest.fixture
def guarded_consul(world: World) -> Iterator[str]:
    """A Consul of its own that denies whatever no token allows."""
    config = {"acl": {"enabled": True, "default_policy": "deny"}, "datacenter": "dc1"}
    container = world.swarm.client.containers.run(
        "dockerflow/consul:1.8.7",
        ["agent", "-dev", "-client=0.0.0.0", f"-hcl={json.dumps(config)}"],
        name="story-guarded-consul",
        ports={"8500/tcp": ("127.0.0.1", None)},
        detach=True,
    )
    try:
        container.reload()
        port = container.attrs["NetworkSettings"]["Ports"]["8500/tcp"][0]["HostPort"]
        address = f"http://127.0.0.1:{port}"
        eventually(Consul(address).healthy, "the guarded Consul has a leader")
        yield address
    finally:
        container.remove(force=True, v=True)
