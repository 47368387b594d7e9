# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Swarm may start a service, and what it would not find there."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.placement import Node, check_data, eligible
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.warnings import Warnings
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

NODES = [
    Node("id1", "m1", "manager", labels={"disk": "ssd"}, engine_labels={"rack": "a"}),
    Node("id2", "m2", "manager", architecture="aarch64"),
    Node("id3", "w1", labels={"disk": "hdd"}, system="windows"),
]
CONSTRAINTS = [
    pytest.param([], "m1 m2 w1", id="none"),
    pytest.param(["node.hostname == m1"], "m1", id="host name"),
    pytest.param(["node.hostname==M1"], "m1", id="no spaces, other case"),
    pytest.param(["node.hostname != m1"], "m2 w1", id="not that host"),
    pytest.param(["node.id == id3"], "w1", id="id"),
    pytest.param(["node.role == manager"], "m1 m2", id="role"),
    pytest.param(["node.role == manager", "node.labels.disk == ssd"], "m1", id="both"),
    pytest.param(["node.labels.disk != ssd"], "m2 w1", id="no such label is another value"),
    pytest.param(["engine.labels.rack == a"], "m1", id="label of the daemon"),
    pytest.param(["node.platform.arch == amd64"], "m1 w1", id="architecture by its other name"),
    pytest.param(["node.platform.os == linux"], "m1 m2", id="system"),
    pytest.param(["node.ip == 192.0.2.0/24"], "m1 m2 w1", id="unknown here: excludes none"),
]


@pytest.mark.parametrize(("constraints", "expected"), CONSTRAINTS)
def test_nodes_that_meet_constraints(constraints: list[str], expected: str) -> None:
    assert " ".join(node.hostname for node in eligible(constraints, NODES)) == expected


DATA = {"type": "volume", "source": "data", "target": "/data"}
BIND = {"type": "bind", "source": "/srv/data", "target": "/data"}
PINNED = {"placement": {"constraints": ["node.hostname == m1"]}}


def judge(
    db: dict[str, Any],
    volume: dict[str, Any] | None = None,
    running: dict[str, list[str]] | None = None,
    nodes: int = 3,
) -> list[str]:
    project = shop(services={"db": {"image": "db:1", **db}}, volumes={"data": volume})
    warnings = Warnings()
    check_data(project, "app", ["db"], NODES[:nodes], running or {}, warnings)
    return warnings.sentences


def test_a_new_side_target_with_a_local_volume_is_refused() -> None:
    with pytest.raises(DeliveryError) as raised:
        judge({"volumes": [DATA]})
    assert str(raised.value) == (
        "side target 'db' keeps volume 'data' on the node where it runs, and Swarm may start it on any of 3 nodes (m1, "
        "m2, w1), where it would find an empty one: add deploy.placement.constraints: ['node.hostname == NODE'] to "
        "service 'db' in /project/compose.yaml, NODE being the node that has it (docker volume ls there), or any one "
        "if it is new, or keep it where all nodes reach it"
    )


WHERE: list[Any] = [
    pytest.param(DATA, ["w1"], "volume 'data' is on w1 only", "== w1'] to service 'db' in F, or keep", id="known"),
    pytest.param(
        DATA,
        [],
        "volume 'data' is on one node only",
        "== NODE'] to service 'db' in F, NODE being the node that has it (docker volume ls there), or any one if it is "
        "new, or keep",
        id="it does not run",
    ),
    pytest.param(
        DATA,
        ["m2", "w1"],
        "volume 'data' is on m2, w1 only",
        "== NODE'] to service 'db' in F, NODE being the one of m2, w1 whose data counts, or keep",
        id="several nodes, each with data of its own",
    ),
    pytest.param(
        BIND,
        [],
        "directory '/srv/data' is on one node only",
        "== NODE'] to service 'db' in F, NODE being the node that has it, or any one if it is new, or keep",
        id="no volume to look for",
    ),
]


@pytest.mark.parametrize(("mount", "at", "said", "advice"), WHERE)
def test_no_node_is_named_that_is_not_known_to_have_the_data(
    mount: dict[str, Any], at: list[str], said: str, advice: str
) -> None:
    (sentence,) = judge({"volumes": [mount]}, running={"db": at})
    assert sentence.startswith(f"service 'db': {said}, and Swarm may start the service on any of 3 nodes (m1, m2, w1)")
    expected = f"add deploy.placement.constraints: ['node.hostname {advice}"
    assert expected in sentence.replace("/project/compose.yaml", "F")


FINE = [
    pytest.param({"volumes": [DATA], "deploy": PINNED}, None, 3, id="pinned"),
    pytest.param({"volumes": [DATA]}, None, 1, id="one node"),
    pytest.param({"volumes": [DATA], "deploy": {"mode": "global"}}, None, 3, id="one on each node"),
    pytest.param({"volumes": [DATA]}, {"driver": "rexray/ebs"}, 3, id="a driver that all nodes share"),
    pytest.param({"volumes": [DATA]}, {"driver_opts": {"type": "nfs", "o": "addr=x"}}, 3, id="NFS"),
    pytest.param({"volumes": [DATA]}, {"driver_opts": {"type": "tmpfs"}}, 3, id="tmpfs as a volume"),
    pytest.param({"volumes": [{"type": "volume", "target": "/data"}]}, None, 3, id="anonymous"),
    pytest.param({"volumes": [{"type": "tmpfs", "target": "/data"}], "tmpfs": ["/t"]}, None, 3, id="tmpfs"),
    pytest.param({"volumes": [BIND | {"read_only": True}]}, None, 3, id="read-only"),
    pytest.param({"volumes": [BIND | {"source": "/var/run/docker.sock"}]}, None, 3, id="the system's own"),
]


@pytest.mark.parametrize(("db", "volume", "nodes"), FINE)
def test_nothing_can_be_lost(db: dict[str, Any], volume: dict[str, Any] | None, nodes: int) -> None:
    assert judge(db, volume, nodes=nodes) == []


UNSURE = [
    pytest.param({"volumes": [BIND]}, None, "directory '/srv/data'", id="a directory may be shared"),
    pytest.param({"volumes": [DATA]}, {"external": True}, "volume 'data'", id="external: any driver may have made it"),
    pytest.param(
        {"volumes": [DATA]},
        {"driver_opts": {"type": "none", "o": "bind", "device": "/mnt/x"}},
        "volume 'data'",
        id="o: bind",
    ),
    pytest.param(
        {"volumes": [DATA], "deploy": {"placement": {"constraints": ["node.role == manager"]}}},
        {"external": True},
        "on any of 2 nodes (m1, m2)",
        id="a constraint that several nodes meet",
    ),
]


@pytest.mark.parametrize(("db", "volume", "said"), UNSURE)
def test_what_may_be_lost_is_warned_of(db: dict[str, Any], volume: dict[str, Any] | None, said: str) -> None:
    (sentence,) = judge(db, volume)
    assert said in sentence


@pytest.mark.parametrize(
    ("running", "where", "node"),
    [
        pytest.param({}, "one node", "NODE", id="new"),
        pytest.param({"app": []}, "one node", "NODE", id="none of it runs"),
        pytest.param({"app": ["m2"]}, "m2", "m2", id="it runs"),
    ],
)
def test_the_target_is_warned_of(running: dict[str, list[str]], where: str, node: str) -> None:
    warnings = Warnings()
    check_data(shop({"volumes": [DATA]}, volumes={"data": None}), "app", [], NODES, running, warnings)
    (sentence,) = warnings.sentences
    assert sentence.startswith(f"service 'app': volume 'data' is on {where} only, and Swarm may start the service on")
    assert f"['node.hostname == {node}']" in sentence
