# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as it reports itself, and which of its members count."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.proxy_reports import (
    ReportedFleet,
    proxy,
    refuses_connections,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import (
    Acknowledgement,
    ColorStatus,
    Gone,
    Proxy,
    acknowledgements,
    counting_members,
    newest_revision,
    open_requests,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

MEMBER = {"schema": 1, "id": "proxy-1", "address": "http://172.17.0.1:80"}
COLORS = {"blue": {"servers": 2, "up": 1, "open": 3, "draining": 1}, "green": {"servers": 2, "up": 2, "open": 0}}
REPORT = {
    "schema": 1,
    "id": "proxy-1",
    "haproxy": "3.0.11",
    "workers": [{"pid": 12, "current": True}],
    "notes": ["Consul is silent"],
    "order": 8,
    "services": {SERVICE: {"revision": 7, "error": None, "live": "blue", "colors": COLORS}},
    "removed": {"shop-app": {"revision": 3, "open": 2}},
}


def member(name: str, alive: bool = True, live: str | None = None, **colors: ColorStatus) -> Proxy:
    """A member that knows the service if C(live) or colours are given."""
    known = {SERVICE: Acknowledgement(7, None, live, colors)} if live or colors else {}
    return Proxy(name, f"http://{name}", alive, 1, (), known)


def test_a_report() -> None:
    found = proxy("proxy-1", MEMBER, REPORT)
    assert (found.alive, found.address, found.order, found.notes) == (True, MEMBER["address"], 8, ("Consul is silent",))
    said = found.acknowledgement(SERVICE)
    assert said is not None
    assert (said.revision, said.error, said.live) == (7, None, "blue")
    assert said.color("blue") == ColorStatus(2, 1, 3, 1)
    assert said.color("green") == ColorStatus(2, 2, 0, 0)
    assert found.acknowledgement("another") is None
    assert found.removed == {"shop-app": Gone(3, 2)}
    assert newest_revision("shop-app", {"proxy-1": found}) == 3


@pytest.mark.parametrize(
    ("lost", "counts", "idle"),
    [
        pytest.param(True, {"servers": 2, "up": 0, "open": 0}, True, id="nothing is up"),
        pytest.param(True, {"servers": 2, "up": 1, "open": 0}, False, id="one is up"),
        pytest.param(False, {"servers": 0, "up": 0, "open": 1}, False, id="a request is open"),
    ],
)
def test_a_lost_route(lost: bool, counts: dict[str, int], idle: bool) -> None:
    said = {
        "revision": 7,
        "error": None,
        "live": "blue",
        "colors": {"blue": counts},
        **({"lost": True} if lost else {}),
    }
    found = proxy("proxy-1", MEMBER, {**REPORT, "services": {SERVICE: said}}).services[SERVICE]
    assert (found.lost, found.is_idle) == (lost, idle)


def test_who_is_excluded_need_not_be_readable(world: World) -> None:
    world.consul.seed("docker-flow/proxies/proxy-2", '{"services": []}')
    fleet = ReportedFleet(world.consul, "docker-flow/", frozenset({"proxy-2"}))
    assert {name: one.alive for name, one in fleet.everyone().items()} == {"proxy-1": True, "proxy-2": False}


def test_everyone_is_there_also_who_is_excluded(world: World) -> None:
    fleet = ReportedFleet(world.consul, "docker-flow/", frozenset({"proxy-1"}))
    assert list(fleet.everyone()) == ["proxy-1", "proxy-2"]


def test_a_colour_that_a_proxy_does_not_follow_has_nothing() -> None:
    assert Acknowledgement(7, None, "blue", {}).color("green") == ColorStatus(0, 0, 0, 0)


def test_a_member_without_a_report_is_not_alive() -> None:
    found = proxy("proxy-1", MEMBER, None)
    assert (found.alive, found.address, found.services) == (False, MEMBER["address"], {})


def test_a_proxy_that_nobody_made_a_member_has_no_address() -> None:
    found = proxy("proxy-1", None, REPORT)
    assert (found.member, found.alive, found.address) == (False, True, "")


@pytest.mark.parametrize(
    "report",
    [
        pytest.param({}, id="empty"),
        pytest.param({"services": {SERVICE: {"revision": None, "colors": {}}}}, id="no revision"),
        pytest.param({"services": {SERVICE: {"revision": 1, "colors": {"blue": {}}}}}, id="no counts"),
        pytest.param({"services": {SERVICE: None}}, id="no acknowledgement"),
        pytest.param({"services": []}, id="another shape"),
        pytest.param({"services": {}, "removed": {SERVICE: {}}}, id="no revision of a removal"),
    ],
)
def test_a_report_that_cannot_be_read_names_its_proxy(report: dict[str, Any]) -> None:
    with pytest.raises(DeliveryError, match=r"^the report of proxy 'proxy-1' cannot be read .*exclude_proxies"):
        proxy("proxy-1", MEMBER, report)


def test_who_counts() -> None:
    fleet = {name: member(name, alive) for name, alive in {"well": True, "silent": False, "gone": False}.items()}
    assert list(counting_members(fleet, lambda address: address == "http://gone")) == ["well", "silent"]


def test_a_live_member_is_not_even_asked() -> None:
    def ask(_address: str) -> bool:
        raise InterruptedError

    assert list(counting_members({"well": member("well")}, ask)) == ["well"]


def test_open_requests_of_a_colour() -> None:
    fleet = {
        "busy": member("busy", blue=ColorStatus(2, 2, 5)),
        "idle": member("idle", blue=ColorStatus(2, 2, 0)),
        "other colour": member("other colour", green=ColorStatus(2, 2, 9)),
        "does not know it": member("does not know it"),
        "no heartbeat": member("no heartbeat", False),
    }
    assert open_requests(SERVICE, "blue", fleet) == {
        "busy": 5,
        "idle": 0,
        "other colour": 0,
        "does not know it": 0,
        "no heartbeat": -1,
    }


def test_members_count_whether_or_not_they_report(world: World) -> None:
    world.proxies["proxy-2"].behaviour = DEAD
    world.proxies.publish()
    fleet = world.release.fleet.snapshot()
    assert {name: one.alive for name, one in fleet.items()} == {"proxy-1": True, "proxy-2": False}


def test_a_report_of_no_member_counts(world: World) -> None:
    world.consul.seed("docker-flow/proxies/stranger", json.dumps(REPORT))
    fleet = world.release.fleet.snapshot()
    assert {name: proxy.member for name, proxy in fleet.items()} == {
        "proxy-1": True,
        "proxy-2": True,
        "stranger": False,
    }
    assert {one.live for one in acknowledgements(SERVICE, fleet)} == {"blue"}


def test_a_fleet_of_strangers_has_no_member() -> None:
    consul = FakeConsul()
    consul.seed("docker-flow/proxies/stranger", json.dumps(REPORT))
    with pytest.raises(DeliveryError, match="no proxy is a member of the fleet"):
        ReportedFleet(consul, "docker-flow/").require_members()
    with pytest.raises(DeliveryError, match="no proxy is a member of the fleet"):
        ReportedFleet(consul, "docker-flow/", frozenset({"stranger"})).require_members()


def test_a_folder_that_a_tool_made_is_no_proxy(world: World) -> None:
    for place in ("members", "proxies"):
        world.consul.seed(f"docker-flow/{place}/", "")
    assert sorted(world.release.fleet.snapshot()) == ["proxy-1", "proxy-2"]
    done, fleet = world.release.fleet.wait_for(lambda _fleet: True, 0.0)
    assert (done, sorted(fleet)) == (True, ["proxy-1", "proxy-2"])


def test_an_excluded_member_does_not_count(world: World) -> None:
    assert list(ReportedFleet(world.consul, "docker-flow/", frozenset({"proxy-1"})).snapshot()) == ["proxy-2"]


def test_a_fleet_needs_a_member() -> None:
    with pytest.raises(DeliveryError, match="nothing under 'test/members/' in Consul"):
        ReportedFleet(FakeConsul(), "test/").require_members()


def test_waiting_ends_when_the_condition_holds(world: World) -> None:
    looks: list[int] = []
    waited: list[float] = []

    def third(fleet: Any) -> bool:
        looks.append(len(fleet))
        return len(looks) == 3

    done, fleet = world.release.fleet.wait_for(third, 60.0, lambda elapsed, _fleet: waited.append(elapsed))
    assert (done, looks, sorted(fleet), len(waited)) == (True, [2, 2, 2], ["proxy-1", "proxy-2"], 2)


def test_waiting_ends_at_the_deadline_with_the_last_look(world: World) -> None:
    done, fleet = world.release.fleet.wait_for(lambda _fleet: False, 0.0)
    assert (done, sorted(fleet)) == (False, ["proxy-1", "proxy-2"])


# -- is anything listening? --------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_port_that_accepts_does_not_refuse(listener: socket.socket) -> None:
    assert not refuses_connections(f"http://127.0.0.1:{listener.getsockname()[1]}")


def test_a_port_where_nothing_listens_refuses(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert refuses_connections(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("", id="empty"),
        pytest.param("127.0.0.1:1", id="no scheme: its host is not known"),
        pytest.param("http://127.0.0.1:many", id="no port number"),
        pytest.param("http://[::1", id="no URL"),
        pytest.param("http://name.invalid:80", id="a name that nobody knows"),
    ],
)
def test_what_cannot_be_asked_may_be_serving(address: str) -> None:
    assert not refuses_connections(address)


def test_a_timeout_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_arguments: Any, **_options: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", late)
    assert not refuses_connections("http://192.0.2.1:80")
