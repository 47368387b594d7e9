# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers are inspected, and what one bad container does to the others. Docker is played by a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.containers import Containers
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_api import DockerApi

Inspected = Callable[..., dict[str, Any]]


class PlayedDocker(DockerApi):
    """Answers from two dictionaries, one of which may lag behind, and remembers what was inspected."""

    def __init__(self) -> None:
        super().__init__("unix:///nowhere")
        self.rows: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.inspected: list[str] = []

    def containers(self) -> list[dict[str, Any]]:
        return list(self.rows.values())

    def inspect(self, container_id: str) -> dict[str, Any] | None:
        self.inspected.append(container_id)
        return self.documents.get(container_id)


@pytest.fixture
def docker(inspected: Inspected) -> PlayedDocker:
    played = PlayedDocker()
    for key in ("a", "b"):
        played.rows[key] = {"Id": key, "State": "running", "Status": "Up 3 seconds", "Names": [f"/{key}"], "Ports": []}
        played.documents[key] = inspected(Id=key, Name=f"/{key}")
    return played


def test_unchanged_containers_are_inspected_once(docker: PlayedDocker) -> None:
    containers = Containers(docker)
    assert sorted(containers.look(set())) == ["a", "b"]
    docker.rows["a"]["Status"] = "Up 4 seconds"
    containers.look(set())
    assert sorted(docker.inspected) == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"State": "paused"}, id="state"),
        pytest.param({"Status": "Up 3 seconds (healthy)"}, id="health"),
        pytest.param({"Names": ["/new"]}, id="name"),
        pytest.param({"Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 1, "Type": "tcp"}]}, id="ports"),
    ],
)
def test_a_change_in_the_list_is_inspected(docker: PlayedDocker, change: dict[str, Any]) -> None:
    containers = Containers(docker)
    containers.look(set())
    docker.rows["a"].update(change)
    docker.inspected.clear()
    containers.look(set())
    assert docker.inspected == ["a"]


def test_an_event_beats_a_list_that_lags_behind(docker: PlayedDocker, inspected: Inspected) -> None:
    containers = Containers(docker)
    containers.look(set())
    docker.documents["a"]["State"]["Running"] = False  # the list still says running
    docker.documents["c"] = inspected(Id="c")  # the list does not have it yet
    seen = containers.look({"a", "c"})
    assert {key: container.absence for key, container in seen.items()} == {"a": "not running", "b": None, "c": None}


def test_what_is_gone_is_forgotten(docker: PlayedDocker) -> None:
    containers = Containers(docker)
    containers.look(set())
    del docker.rows["a"]
    assert list(containers.look(set())) == ["b"]
    docker.documents.clear()
    assert containers.look({"b"}) == {}


def test_a_container_that_cannot_be_read_is_left_out_and_counted_until_it_is_gone(docker: PlayedDocker) -> None:
    docker.documents["a"]["NetworkSettings"] = {"Ports": {"many/tcp": [{"HostPort": "1"}]}}
    containers = Containers(docker)
    assert list(containers.look(set())) == ["b"]
    assert list(containers.problems) == ["a"]
    del docker.rows["a"]
    containers.look(set())
    assert containers.problems == {}
