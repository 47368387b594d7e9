# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine after the roles and two releases of the same version, looked at over SSH and as a user of the site."""

from __future__ import annotations

import json
import shlex
import urllib.error
import urllib.request
from typing import Any

import pytest
from testinfra.host import Host

SERVICE = "books-ms-app"


@pytest.fixture
def address(host: Host) -> str:
    """Where the machine's front door is."""
    return str(host.ansible.get_variables()["ansible_host"])


def on_node(host: Host, url: str) -> Any:
    """The JSON that a URL answers with on the machine itself; Consul listens nowhere else."""
    program = f"import urllib.request as r; print(r.urlopen({url!r}, timeout=10).read().decode())"
    return json.loads(host.check_output("python3 -c %s", program))


def route(host: Host) -> dict[str, Any]:
    return dict(on_node(host, f"http://127.0.0.1:8500/v1/kv/docker-flow/routes/{SERVICE}?raw"))


def test_systemd_has_no_failed_unit(host: Host) -> None:
    assert host.check_output("systemctl is-system-running") == "running"


@pytest.mark.parametrize("unit", ["docker", "containerd", "ssh"])
def test_service_comes_back_after_a_reboot(host: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_engine_is_a_current_one_and_a_manager(host: Host) -> None:
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert int(info["ServerVersion"].split(".")[0]) >= 26
    assert info["Swarm"]["ControlAvailable"]


@pytest.mark.parametrize("port", [2375, 2376])
def test_docker_listens_on_no_tcp_port(host: Host, port: int) -> None:
    assert not host.socket(f"tcp://{port}").is_listening


def test_python_packages_stay_out_of_the_system(host: Host) -> None:
    assert host.run("/usr/bin/python3 -c 'import docker'").failed
    assert host.run("/opt/docker-flow/venv/bin/python -c 'import consul, docker'").succeeded


def test_consul_has_a_leader(host: Host) -> None:
    assert on_node(host, "http://127.0.0.1:8500/v1/status/leader") != ""


def test_every_container_of_ours_runs(host: Host) -> None:
    listing = host.check_output(
        "docker container ls --all --format '{{.Image}} {{.State}}' --filter label=dockerflow.inputs"
    )
    states = [line.split() for line in listing.splitlines()]
    assert states
    assert [state for state in states if state[1] != "running"] == []


def test_one_color_runs_and_is_what_the_route_says(host: Host) -> None:
    split = route(host)["split"]
    assert (split["candidate"], split["percent"]) in {(None, 0), ("green", 0)}
    listing = host.check_output("docker service ls --format '{{.Name}} {{.Replicas}}'")
    replicas = dict(line.split()[:2] for line in listing.splitlines())
    assert replicas[f"books-ms_app-{split['live']}"] == "1/1"
    # The second run was of the same version, so it found nothing to do.
    assert split["live"] == "blue"


def test_instances_stand_in_consul_with_an_address_that_others_reach(host: Host) -> None:
    instances = on_node(
        host, f"http://127.0.0.1:8500/v1/health/service/{SERVICE}-{route(host)['split']['live']}?passing"
    )
    assert len(instances) == 1
    assert not instances[0]["Service"]["Address"].startswith("127.")


def test_proxy_acknowledges_the_route(host: Host) -> None:
    wanted = route(host)["revision"]
    for entry in on_node(host, "http://127.0.0.1:8500/v1/kv/docker-flow/members/?keys"):
        member = entry.rsplit("/", 1)[1]
        seen = on_node(host, f"http://127.0.0.1:8500/v1/kv/docker-flow/proxies/{member}?raw")
        assert seen["services"][SERVICE]["revision"] == wanted
        assert seen["services"][SERVICE]["error"] is None


def test_front_door_answers_from_outside(address: str) -> None:
    with urllib.request.urlopen(f"http://{address}/api/v1/books", timeout=10) as answer:
        assert answer.status == 200


def test_front_door_refuses_what_no_route_claims(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://{address}/nowhere", timeout=10)


def test_consul_answers_nobody_outside(address: str) -> None:
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://{address}:8500/v1/status/leader", timeout=10)


@pytest.mark.parametrize("place", ["/etc/docker-flow", "/var/lib/docker-flow", "/opt/docker-flow"])
def test_nothing_of_ours_can_be_written_by_everybody(host: Host, place: str) -> None:
    assert host.check_output(f"find {shlex.quote(place)} -perm -o=w ! -type l ! -type s") == ""
