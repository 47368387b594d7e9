# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds a deployment: who runs in its stack, which nodes there are, and what a release makes of that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import Deployment
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm import swarm_engine
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.surroundings import neighbours, nodes
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_engine import SwarmEngine
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_state import service_state
from ansible_collections.dockerflow.delivery.tests.unit.fakes.swarm import FakeSwarm, recorded
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

STACK = {"com.docker.stack.namespace": "shop"}
COLORED = STACK | {"dockerflow.project": "shop", "dockerflow.target": "web", "dockerflow.color": "blue"}
DB_VOLUME = {"type": "volume", "source": "data", "target": "/data"}


def item(name: str, labels: dict[str, str], replicas: int = 1, **container: Any) -> dict[str, Any]:
    alias = name.removeprefix("shop_")
    template = {"ContainerSpec": container, "Networks": [{"Target": "n", "Aliases": [alias]}]}
    return {
        "Spec": {
            "Name": name,
            "Labels": labels,
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": template,
        }
    }


def test_who_runs_in_the_stack() -> None:
    found = neighbours(
        "shop",
        [
            item("shop_web-blue", COLORED, Env=["URL=http://app:80/?a=b"], Hosts=["192.0.2.1 far"]),
            item("shop_web-green", COLORED | {"dockerflow.color": "green"}, 0, Env=["URL=old"]),
            item("shop_db", STACK, Args=["--to=app:80"], Command=["/db"], Healthcheck={"Test": ["CMD", "x"]}),
        ],
    )
    assert found.colored == {"web"}
    assert found.names == {"web-blue", "db"}
    assert set(found.callers) == {"web", "db"}
    assert found.callers["web"]["environment"] == {"URL": "http://app:80/?a=b"}
    assert found.callers["web"]["extra_hosts"] == ["far:192.0.2.1"]
    assert (found.callers["db"]["command"], found.callers["db"]["entrypoint"]) == (["--to=app:80"], ["/db"])
    assert found.callers["db"]["healthcheck"] == {"test": ["CMD", "x"]}


def test_a_colour_of_another_project_is_not_ours() -> None:
    labels = COLORED | {"dockerflow.project": "another"}
    assert neighbours("shop", [item("shop_web-blue", labels)]).colored == frozenset()


def node(name: str, availability: str = "active") -> dict[str, Any]:
    return {
        "ID": f"id-{name}",
        "Spec": {"Role": "manager", "Availability": availability, "Labels": {"disk": "ssd"}},
        "Description": {
            "Hostname": name,
            "Platform": {"OS": "linux", "Architecture": "aarch64"},
            "Engine": {"Labels": {"rack": "a"}},
        },
        "Status": {"State": "ready", "Addr": "192.0.2.1"},
    }


def test_nodes_that_may_run_something() -> None:
    (one,) = nodes([node("m1"), node("m2", "drain")])
    assert (one.id, one.hostname, one.role, one.system, one.architecture) == (
        "id-m1",
        "m1",
        "manager",
        "linux",
        "aarch64",
    )
    assert (one.labels, one.engine_labels) == ({"disk": "ssd"}, {"rack": "a"})
    assert [one.id for one in nodes(recorded("nodes"))] == [one["ID"] for one in recorded("nodes")]


@pytest.fixture
def swarm(monkeypatch: pytest.MonkeyPatch) -> FakeSwarm:
    """Docker's API, whose client knows the oldest dialect."""
    fake = FakeSwarm()
    fake.node_items = [node("m1"), node("m2")]
    monkeypatch.setattr(swarm_engine.docker, "APIClient", lambda **_options: fake)
    monkeypatch.setattr(swarm_engine, "client_dialect", lambda _command: (3, 9))
    return fake


def translate(**compose: Any) -> tuple[str, ...]:
    project = shop(compose.pop("app", None), services=compose.pop("services", {}), **compose)
    return SwarmEngine("unix:///x").translate(Deployment(project, "app", "blue", side_targets=("db",))).warnings


def test_a_running_service_that_calls_the_target_is_named(swarm: FakeSwarm) -> None:
    swarm.deploy("shop_worker", 1, STACK)
    swarm.items["shop_worker"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["APP_URL=http://app:8080"]
    (sentence,) = translate()
    assert sentence.startswith("service 'worker': environment.APP_URL names 'app', a name that nothing in the stack")


def test_a_running_target_with_colours_is_known(swarm: FakeSwarm) -> None:
    swarm.deploy("shop_web-blue", 1, COLORED)
    (sentence,) = translate(app={"depends_on": {"web": {}}})
    assert sentence.startswith("service 'app': depends_on names 'web', a name that nothing in the stack answers to")


def test_an_external_network_that_is_internal_is_refused(swarm: FakeSwarm) -> None:
    swarm.network_items = [{"Name": "company", "Internal": True}]
    app, far = {"networks": {"far": None}}, {"far": {"external": True, "name": "company"}}
    with pytest.raises(DeliveryError, match="target 'app' is only on 'far', internal as that is"):
        translate(app=app, networks=far)
    swarm.network_items[0]["Internal"] = False
    assert translate(app=app, networks=far) == ()


def test_data_of_a_new_side_target_on_several_nodes_is_refused(swarm: FakeSwarm) -> None:
    compose = {"services": {"db": {"image": "db:1", "volumes": [DB_VOLUME]}}, "volumes": {"data": None}}
    with pytest.raises(DeliveryError, match=r"side target 'db' keeps volume 'data' .* on any of 2 nodes \(m1, m2\)"):
        translate(**compose)
    swarm.deploy("shop_db", 1, STACK)
    swarm.task_items["shop_db"][0]["NodeID"] = "id-m2"
    (sentence,) = translate(**compose)
    assert sentence.startswith("service 'db': volume 'data' is on m2 only")
    swarm.node_items = [node("m1"), node("m2", "drain")]
    assert translate(**compose) == ()


@pytest.mark.parametrize(
    ("there", "where"),
    [
        pytest.param({}, "one node", id="new"),
        pytest.param({"shop_app-blue": "m2"}, "m2", id="blue"),
        pytest.param({"shop_app-green": "m2"}, "m2", id="green"),
        pytest.param({"shop_app": "m2"}, "m2", id="without a colour"),
        pytest.param({"shop_app-blue": "m2", "shop_app-green": "m2"}, "m2", id="both on one node"),
        pytest.param({"shop_app-blue": "m2", "shop_app-green": "m1"}, "m1, m2", id="each on its own"),
        pytest.param({"shop_app-blue": "gone"}, "one node", id="on a node that may run nothing now"),
        pytest.param({"shop_app-red": "m2", "shop_application": "m2"}, "one node", id="others"),
    ],
)
def test_where_the_target_has_its_data(swarm: FakeSwarm, there: dict[str, str], where: str) -> None:
    for name, on in there.items():
        swarm.deploy(name, 1, STACK)
        swarm.task_items[name][0]["NodeID"] = f"id-{on}"
    (sentence,) = translate(app={"volumes": [DB_VOLUME]}, volumes={"data": None})
    assert sentence.startswith(f"service 'app': volume 'data' is on {where} only")
    assert f"['node.hostname == {where if where == 'm2' else 'NODE'}']" in sentence


def test_side_targets_alone(swarm: FakeSwarm) -> None:
    deployment = Deployment(shop(), "app", "blue", side_targets=("db",), only=("db",))
    document = SwarmEngine("unix:///x")._document(deployment)
    assert list(document.content["services"]) == ["db"]
    full = SwarmEngine("unix:///x")._document(replace(deployment, only=None))
    assert list(full.content["services"]) == ["app-blue", "db"]


def test_a_restart_replaces_the_tasks_and_nothing_else(swarm: FakeSwarm) -> None:
    swarm.deploy("shop_db", 1, STACK)
    engine = SwarmEngine("unix:///x")
    before = engine.service("shop_db")
    assert before is not None
    after = engine.restart(engine.restart(before))
    assert after.native["TaskTemplate"].pop("ForceUpdate") == 2
    assert after.native["TaskTemplate"] == {
        key: value for key, value in before.native["TaskTemplate"].items() if key != "ForceUpdate"
    }


@pytest.mark.parametrize(
    ("policy", "attempts"),
    [
        pytest.param({"Condition": "none"}, 1, id="none"),
        pytest.param({"Condition": "on-failure", "MaxAttempts": 2}, 3, id="two more"),
        pytest.param({"Condition": "any", "MaxAttempts": 0}, None, id="zero is no limit"),
        pytest.param({}, None, id="not said"),
    ],
)
def test_how_often_swarm_tries(policy: dict[str, Any], attempts: int | None) -> None:
    found = recorded("services")["running"]
    found["Spec"]["TaskTemplate"]["RestartPolicy"] = policy
    assert service_state(found).attempts == attempts


@pytest.mark.parametrize(
    ("nanoseconds", "seconds"), [pytest.param(None, 10, id="Docker's own"), pytest.param(300 * 10**9, 300, id="said")]
)
def test_how_long_containers_may_take_to_end(nanoseconds: int | None, seconds: int) -> None:
    found = recorded("services")["running"]
    container = found["Spec"]["TaskTemplate"]["ContainerSpec"]
    container.pop("StopGracePeriod", None)
    if nanoseconds is not None:
        container["StopGracePeriod"] = nanoseconds
    assert service_state(found).stop_grace == seconds
