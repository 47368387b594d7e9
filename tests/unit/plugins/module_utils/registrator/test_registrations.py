# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From containers to Consul service definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.container import container_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrations import Node, by_id, findings

Inspected = Callable[..., dict[str, Any]]
NODE = Node("node-1", "172.17.0.1")
ID = "83826543fc2726d33c727cb9c1c89ecf14e2700b94fff5adf802293d13461e72"


def _summary(definitions: Any) -> list[tuple[str, str, str, int]]:
    return [(d["ID"], d["Name"], d["Address"], d["Port"]) for d in definitions]


def test_a_whole_definition(inspected: Inspected) -> None:
    labels = {
        "com.docker.swarm.service.name": "books-ms_app-blue",
        "com.docker.swarm.task.id": "vag6",
        "dockerflow.spec": "s1",
    }
    environment = [
        "SERVICE_NAME=books-ms-app-blue",
        "SERVICE_TAGS=v2",
        "SERVICE_VERSION=2",
        "SERVICE_CHECK_HTTP=/health",
    ]
    found = findings(container_of(inspected(Env=environment, Labels=labels)), NODE)
    assert found.definitions == (
        {
            "ID": "node-1:books-app:32790",
            "Name": "books-ms-app-blue",
            "Address": "172.17.0.1",
            "Port": 32790,
            "Tags": ["v2"],
            "Meta": {
                "version": "2",
                "owner": "node-1",
                "container": ID,
                "swarm_service": "books-ms_app-blue",
                "swarm_task": "vag6",
                "dockerflow_spec": "s1",
            },
            "Checks": [{"HTTP": "http://172.17.0.1:32790/health", "Interval": "10s"}],
        },
    )
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("changes", "node", "expected"),
    [
        pytest.param({"Env": None}, NODE, [], id="no name: not registered"),
        pytest.param({"Env": ["SERVICE_NAME=a", "SERVICE_IGNORE=1"]}, NODE, [], id="ignored"),
        pytest.param(
            {}, Node("n", "2001:db8::1"), [("n:books-app:32783", "books-ms-app-blue", "2001:db8::1", 32783)], id="v6"
        ),
        pytest.param(
            {"Ports": {"80/tcp": [{"HostIp": "10.0.0.7", "HostPort": "80"}]}},
            NODE,
            [("node-1:books-app:80", "books-ms-app-blue", "10.0.0.7", 80)],
            id="published on one address",
        ),
        pytest.param({"Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]}}, NODE, [], id="loopback only"),
        pytest.param(
            {"Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]}},
            Node("n", "127.0.0.1"),
            [("n:books-app:80", "books-ms-app-blue", "127.0.0.1", 80)],
            id="loopback on a loopback node",
        ),
        pytest.param(
            {"Env": ["SERVICE_NAME=a", "SERVICE_IP=10.9.9.9"]},
            NODE,
            [("node-1:books-app:32783", "a", "10.9.9.9", 32783), ("node-1:books-app:32790", "a", "10.9.9.9", 32790)],
            id="given address",
        ),
        pytest.param(
            {"Ports": {"80/tcp": [{"HostIp": "", "HostPort": "1"}, {"HostIp": "", "HostPort": "2"}]}},
            NODE,
            [
                ("node-1:books-app:1", "books-ms-app-blue", "172.17.0.1", 1),
                ("node-1:books-app:2", "books-ms-app-blue", "172.17.0.1", 2),
            ],
            id="two host ports for one port are two instances of one service",
        ),
        pytest.param(
            {"Ports": {p: [{"HostIp": "", "HostPort": p[:2]}] for p in ("80/tcp", "90/tcp")}},
            NODE,
            [
                ("node-1:books-app:80", "books-ms-app-blue-80", "172.17.0.1", 80),
                ("node-1:books-app:90", "books-ms-app-blue-90", "172.17.0.1", 90),
            ],
            id="two ports get suffixes",
        ),
        pytest.param(
            {
                "Ports": {p: [{"HostIp": "", "HostPort": p[:2]}] for p in ("80/tcp", "90/tcp")},
                "Env": ["SERVICE_80_NAME=web"],
            },
            NODE,
            [("node-1:books-app:80", "web", "172.17.0.1", 80)],
            id="only the port that has a name, without a suffix",
        ),
        pytest.param(
            {"Ports": {"53/udp": [{"HostIp": "", "HostPort": "53"}]}},
            NODE,
            [("node-1:books-app:53:udp", "books-ms-app-blue", "172.17.0.1", 53)],
            id="udp",
        ),
        pytest.param(
            {"NetworkMode": "host"},
            NODE,
            [("node-1:books-app:8080", "books-ms-app-blue", "172.17.0.1", 8080)],
            id="host network",
        ),
        pytest.param(
            {"Env": None, "Labels": {"com.docker.swarm.service.name": "web"}}, NODE, [], id="Swarm names are an option"
        ),
        pytest.param(
            {"Env": None, "Labels": {"com.docker.swarm.service.name": "web"}},
            Node("node-1", "172.17.0.1", swarm_names=True),
            [("node-1:books-app:32790", "web", "172.17.0.1", 32790)],
            id="Swarm names",
        ),
    ],
)
def test_definitions(
    inspected: Inspected, changes: dict[str, Any], node: Node, expected: list[tuple[str, str, str, int]]
) -> None:
    assert sorted(_summary(findings(container_of(inspected(**changes)), node).definitions)) == expected


def test_marks_cannot_be_forged_and_bad_meta_does_not_spoil_the_rest(inspected: Inspected) -> None:
    environment = [
        "SERVICE_NAME=my.books",
        "SERVICE_OWNER=someone",
        "SERVICE_A.B=x",
        "SERVICE_LONG=" + "x" * 513,
        "SERVICE_GOOD=1",
        "SERVICE_CHECK_TTL=10s",
    ]
    found = findings(container_of(inspected(Env=environment)), NODE)
    assert found.definitions[0]["Meta"] == {"good": "1", "owner": "node-1", "container": ID}
    assert [text.split(": ", 1)[1].split(" ")[0:3] for text in found.warnings] == [
        ["the", "service", "name"],
        ["SERVICE_CHECK_TTL", "is", "not"],
        ["SERVICE_OWNER", "is", "a"],
        ["SERVICE_A.B", "is", "no"],
        ["SERVICE_LONG", "is", "longer"],
    ]


def test_no_more_meta_than_consul_takes(inspected: Inspected) -> None:
    environment = ["SERVICE_NAME=a", *(f"SERVICE_K{number}=x" for number in range(80))]
    found = findings(container_of(inspected(Env=environment)), NODE)
    assert len(by_id(found.definitions)["node-1:books-app:32790"]["Meta"]) <= 64
    assert len(found.warnings) == 1


def test_drain_opt_out(inspected: Inspected) -> None:
    assert findings(container_of(inspected()), NODE).drain
    assert not findings(container_of(inspected(Env=["SERVICE_NAME=a", "SERVICE_DRAIN=no"])), NODE).drain


def test_shared_ids_are_told_apart_and_others_stay(inspected: Inspected) -> None:
    definitions = [
        *findings(container_of(inspected(Env=["SERVICE_NAME=a", "SERVICE_ID=one"])), NODE).definitions,
        *findings(
            container_of(inspected(Env=["SERVICE_NAME=a", "SERVICE_ID=one"], NetworkMode="host")), NODE
        ).definitions,
        *findings(container_of(inspected()), NODE).definitions,
    ]
    assert sorted(by_id(definitions)) == ["node-1:books-app:32790", "one:172.17.0.1:32790", "one:172.17.0.1:8080"]


def test_hash_follows_the_content(inspected: Inspected) -> None:
    def hash_of(environment: list[str]) -> str:
        found = by_id(findings(container_of(inspected(Env=environment)), NODE).definitions)
        return str(found["node-1:books-app:32790"]["Meta"]["hash"])

    base = ["SERVICE_NAME=a"]
    assert hash_of(base) == hash_of([*base, "PATH=/bin"])
    assert (
        len({hash_of([*base, extra]) for extra in ("X=", "SERVICE_TAGS=t", "SERVICE_V=1", "SERVICE_CHECK_TCP=1")}) == 4
    )
