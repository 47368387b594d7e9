# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From containers to Consul service definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.container import container_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrations import (
    Node,
    answering,
    by_id,
    findings,
)

Inspected = Callable[..., dict[str, Any]]
NODE = Node("node-1", "172.17.0.1")
ID = "83826543fc2726d33c727cb9c1c89ecf14e2700b94fff5adf802293d13461e72"
TASK = "/books-ms_app-blue.1.vag6"
SWARM = {"com.docker.swarm.service.name": "books-ms_app-blue", "com.docker.swarm.task.id": "vag6"}


def _summary(definitions: Any) -> list[tuple[str, str, str, int]]:
    return [(d["ID"], d["Name"], d["Address"], d["Port"]) for d in definitions]


def test_a_whole_definition(inspected: Inspected) -> None:
    labels = {**SWARM, "dockerflow.spec": "s1"}
    environment = [
        "SERVICE_NAME=books-ms-app-blue",
        "SERVICE_TAGS=v2",
        "SERVICE_VERSION=2",
        "SERVICE_CHECK_HTTP=/health",
    ]
    node = Node("node-1", "172.17.0.1", meta_keys=frozenset({"version"}))
    found = findings(container_of(inspected(Name=TASK, Env=environment, Labels=labels)), node)
    assert found.definitions == (
        {
            "ID": "node-1:books-ms_app-blue.1.vag6:32790",
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
            [("node-1:books-app:32790", "a", "10.9.9.9", 32790)],
            id="given address: the port of its family",
        ),
        pytest.param({"Env": ["SERVICE_NAME=a", "SERVICE_IP=2001:db8::9"]}, NODE, [], id="given address of the other"),
        pytest.param(
            {"Env": ["SERVICE_NAME=a", "SERVICE_IP=edge.example"]},
            NODE,
            [("node-1:books-app:32790", "a", "edge.example", 32790)],
            id="given name",
        ),
        pytest.param(
            {
                "Env": ["SERVICE_NAME=a", "SERVICE_IP=10.9.9.9"],
                "Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]},
            },
            NODE,
            [],
            id="given address of a port on loopback",
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
            {"Ports": {f"80/{p}": [{"HostIp": "", "HostPort": "80"}] for p in ("tcp", "udp", "sctp")}},
            NODE,
            [
                ("node-1:books-app:80", "books-ms-app-blue-80", "172.17.0.1", 80),
                ("node-1:books-app:80:sctp", "books-ms-app-blue-80", "172.17.0.1", 80),
                ("node-1:books-app:80:udp", "books-ms-app-blue-80", "172.17.0.1", 80),
            ],
            id="one number, three ports",
        ),
        pytest.param({"Ports": {"80/tcp": [{"HostIp": "", "HostPort": "0"}]}}, NODE, [], id="port 0 is none"),
        pytest.param({"Ports": {"80/tcp": [{"HostIp": "::", "HostPort": "80"}]}}, NODE, [], id="IPv6 only"),
        pytest.param({"NetworkMode": "container:8382", "Ports": {}}, NODE, [], id="on the network of another"),
        pytest.param({"NetworkMode": "none", "Ports": {"80/tcp": None}}, NODE, [], id="on no network"),
        pytest.param(
            {"NetworkMode": "host"},
            NODE,
            [("node-1:books-app:8080", "books-ms-app-blue", "172.17.0.1", 8080)],
            id="host network",
        ),
        pytest.param({"Env": None, "Name": TASK, "Labels": SWARM}, NODE, [], id="Swarm names are an option"),
        pytest.param(
            {"Env": None, "Name": TASK, "Labels": SWARM},
            Node("node-1", "172.17.0.1", swarm_names=True),
            [("node-1:books-ms_app-blue.1.vag6:32790", "books-ms_app-blue", "172.17.0.1", 32790)],
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
    node = Node("node-1", "172.17.0.1", meta_keys=frozenset({"owner", "a.b", "long", "good"}))
    found = findings(container_of(inspected(Env=environment)), node)
    assert found.definitions[0]["Meta"] == {"good": "1", "owner": "node-1", "container": ID}
    assert [text.split(": ", 1)[1].split(" ")[0:3] for text in found.warnings] == [
        ["the", "service", "name"],
        ["SERVICE_CHECK_TTL", "is", "not"],
        ["Meta", "owner", "is"],
        ["Meta", "a.b", "is"],
        ["Meta", "long", "is"],
    ]


def test_no_more_meta_than_consul_takes(inspected: Inspected) -> None:
    environment = ["SERVICE_NAME=a", *(f"SERVICE_K{number}=x" for number in range(80))]
    node = Node("node-1", "172.17.0.1", meta_keys=frozenset(f"k{number}" for number in range(80)))
    found = findings(container_of(inspected(Env=environment)), node)
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


COLORED = {**SWARM, "dockerflow.spec": "s1", "dockerflow.registered": "books-ms-app-blue", "dockerflow.port": "8080"}
OWN = {
    "ID": "node-1:books-ms_app-blue.1.vag6:32790",
    "Name": "books-ms-app-blue",
    "Address": "172.17.0.1",
    "Port": 32790,
}

CONVENTIONS = [
    pytest.param({}, "", id="nothing"),
    pytest.param({"SERVICE_NAME": "books-ms-app-blue", "SERVICE_8080_NAME": "books-ms-app-blue"}, "", id="as released"),
    pytest.param({"SERVICE_NAME": "web"}, "SERVICE_NAME", id="name"),
    pytest.param({"SERVICE_8080_NAME": "web"}, "SERVICE_NAME", id="name of the port"),
    pytest.param({"SERVICE_8080_TCP_NAME": "web"}, "SERVICE_NAME", id="name of the port and protocol"),
    pytest.param({"SERVICE_IGNORE": "true"}, "SERVICE_IGNORE", id="ignore"),
    pytest.param({"SERVICE_8080_IGNORE": "true"}, "SERVICE_IGNORE", id="ignore the port"),
    pytest.param({"SERVICE_ID": "web-1"}, "SERVICE_ID", id="id"),
    pytest.param({"SERVICE_8080_ID": "web-1"}, "SERVICE_ID", id="id of the port"),
    pytest.param({"SERVICE_IP": "127.0.0.1"}, "SERVICE_IP", id="address"),
    pytest.param({"SERVICE_DRAIN": "false"}, "SERVICE_DRAIN", id="stays while it stops"),
    pytest.param({"SERVICE_CHECK_HTTP": "/nowhere"}, "SERVICE_CHECK_HTTP", id="a check that fails"),
    pytest.param({"SERVICE_8080_CHECK_TTL": "5s"}, "SERVICE_CHECK_TTL", id="a check of another registrator"),
    pytest.param({"SERVICE_PASSWORD_DB": "hunter2"}, "", id="not one of them"),
]


@pytest.mark.parametrize("place", [pytest.param("Env", id="environment or image"), pytest.param("Labels", id="label")])
@pytest.mark.parametrize(("given", "warned"), CONVENTIONS)
def test_a_coloured_service_is_registered_as_its_release_says(
    inspected: Inspected, given: dict[str, str], warned: str, place: str
) -> None:
    environment = [f"{key}={value}" for key, value in given.items()] if place == "Env" else None
    labels = {**(given if place == "Labels" else {}), **COLORED}
    found = findings(container_of(inspected(Name=TASK, Env=environment, Labels=labels)), NODE)
    (definition,) = found.definitions
    assert {key: definition[key] for key in OWN} == OWN
    assert definition["Meta"] == {
        "owner": "node-1",
        "container": ID,
        "swarm_service": "books-ms_app-blue",
        "swarm_task": "vag6",
        "dockerflow_spec": "s1",
    }
    assert "Checks" not in definition
    assert found.drain
    expected = f"a release decides how it is registered, so {warned} is ignored"
    assert [text.split(": ", 1)[1] for text in found.warnings] == ([expected] if warned else [])


def test_tags_and_meta_of_a_coloured_service_are_its_users_own(inspected: Inspected) -> None:
    labels = {**COLORED, "dockerflow.meta.team": "books"}
    found = findings(container_of(inspected(Name=TASK, Env=["SERVICE_TAGS=v2,canary"], Labels=labels)), NODE)
    assert found.definitions[0]["Tags"] == ["v2", "canary"]
    assert found.definitions[0]["Meta"]["team"] == "books"


def test_only_the_port_that_a_release_names_has_the_name_of_the_colour(inspected: Inspected) -> None:
    ports = {
        "8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32001"}],
        "8080/udp": [{"HostIp": "0.0.0.0", "HostPort": "32002"}],
        "9090/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32003"}],
    }
    found = findings(container_of(inspected(Name=TASK, Env=None, Labels=COLORED, Ports=ports)), NODE)
    assert {definition["Port"]: definition["Name"] for definition in found.definitions} == {
        32001: "books-ms-app-blue",
        32002: "books-ms-app-blue-8080",
        32003: "books-ms-app-blue-9090",
    }


def test_a_copy_of_a_coloured_container_is_no_release(inspected: Inspected) -> None:
    """An image made of it (docker commit) has its labels and its environment."""
    copy = inspected(Name="/copy", Env=["SERVICE_NAME=books-ms-app-blue"], Labels=COLORED)
    (definition,) = findings(container_of(copy), NODE).definitions
    assert "dockerflow_spec" not in definition["Meta"]
    assert "swarm_task" not in definition["Meta"]


def test_a_foreign_id_takes_none_from_a_coloured_service(inspected: Inspected) -> None:
    colored = findings(container_of(inspected(Name=TASK, Env=None, Labels=COLORED)), NODE).definitions
    thief = inspected(Env=["SERVICE_NAME=a", f"SERVICE_ID={OWN['ID']}"], NetworkMode="host")
    found = by_id([*findings(container_of(thief), NODE).definitions, *colored])
    assert {key: definition["Name"] for key, definition in found.items()} == {
        OWN["ID"]: "books-ms-app-blue",
        f"{OWN['ID']}:172.17.0.1:8080": "a",
    }


def on(host_ip: str, port: int = 80, protocol: str = "tcp") -> dict[str, Any]:
    return {"Ports": {f"80/{protocol}": [{"HostIp": host_ip, "HostPort": str(port)}]}}


EARLY, LATE = {"StartedAt": "2026-01-01T00:00:00.5Z"}, {"StartedAt": "2026-01-01T00:00:00.50001Z"}
HOST = {"NetworkMode": "host", "ExposedPorts": {"80/tcp": {}}}
NAMELESS: dict[str, Any] = {"Env": None}
ANSWERING = [
    pytest.param({**on(""), **EARLY}, {**on("0.0.0.0"), **LATE}, "b", id="the port was given to another since"),
    pytest.param({**on(""), **LATE}, {**on(""), **EARLY}, "a", id="the order of the list means nothing"),
    pytest.param({**on(""), **EARLY}, {**on(""), **LATE, **NAMELESS}, "b", id="to one that is not registered"),
    pytest.param({**on("172.17.0.1"), **EARLY}, {**on(""), **LATE}, "b", id="one of them on the address alone"),
    pytest.param({**on(""), **LATE}, {**on("", protocol="udp"), **EARLY}, "ab", id="another protocol"),
    pytest.param({**on(""), **EARLY}, {**on("", 81), **LATE}, "ab", id="another port"),
    pytest.param({**on(""), **EARLY}, {**on("::"), **LATE}, "a", id="IPv6 only: cannot be reached here"),
    pytest.param({**on(""), **EARLY}, {**on(""), **LATE, "Running": False}, "a", id="it does not run any more"),
    pytest.param({**on(""), **EARLY}, {**on(""), **LATE, "Paused": True}, "b", id="paused, but the port is its own"),
    pytest.param({**on(""), **EARLY}, {**HOST, **LATE}, "a", id="what Docker holds is not the host's network's"),
    pytest.param({**HOST, **EARLY}, {**on(""), **LATE}, "b", id="nor was it before"),
    pytest.param({**HOST, **EARLY}, {**HOST, **LATE}, "a", id="on the host's network who came first listens"),
    pytest.param({**HOST, **EARLY, **NAMELESS}, {**HOST, **LATE}, "b", id="an image that exposes what it does not use"),
]


@pytest.mark.parametrize(("one", "other", "expected"), ANSWERING)
def test_who_answers_at_an_address(
    inspected: Inspected, one: dict[str, Any], other: dict[str, Any], expected: str
) -> None:
    containers = [container_of(inspected(Id=key, **changes)) for key, changes in (("a", one), ("b", other))]
    asked = [(container, findings(container, NODE)) for container in containers]
    assert "".join(sorted(set(answering(asked, NODE).values()))) == expected


def test_hash_follows_the_content(inspected: Inspected) -> None:
    def hash_of(environment: list[str]) -> str:
        node = Node("node-1", "172.17.0.1", meta_keys=frozenset({"v"}))
        found = by_id(findings(container_of(inspected(Env=environment)), node).definitions)
        return str(found["node-1:books-app:32790"]["Meta"]["hash"])

    base = ["SERVICE_NAME=a"]
    assert hash_of(base) == hash_of([*base, "PATH=/bin"])
    assert (
        len({hash_of([*base, extra]) for extra in ("X=", "SERVICE_TAGS=t", "SERVICE_V=1", "SERVICE_CHECK_TCP=1")}) == 4
    )
