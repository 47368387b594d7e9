# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever dies, traffic goes on where it can, and the state comes back by itself. Budget: 90 s."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Split
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.consul_container import ConsulContainer
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import ProxyContainers
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.service import Service
from ansible_collections.dockerflow.delivery.tests.load.running import Load


def test_a_killed_agent_costs_nothing_and_catches_up(service: Service, proxy: ProxyContainers, tmp_path: Path) -> None:
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        proxy.kill("agent")
        load.wait_for_answers(100, after=time.monotonic())
        service.flip("green")
        load.wait_for_answers(100, "green", after=time.monotonic())
    assert not load.report.lost, str(load.report)


def test_an_agent_that_ends_takes_its_acknowledgement_back(service: Service, proxy: ProxyContainers) -> None:
    order = proxy.acknowledgement()["order"]
    proxy.stop("agent")
    assert proxy.acknowledgement() == {}
    assert service.get()[0] == 200
    proxy.begin("agent")
    proxy.wait_until_ready()
    assert proxy.acknowledgement()["order"] > order


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_haproxy_comes_back_with_the_new_colour(service: Service, proxy: ProxyContainers, end: str) -> None:
    service.flip("green")
    workers = proxy.acknowledgement()["workers"]
    getattr(proxy, end)("haproxy")
    proxy.eventually(lambda: _status(service) == (200, "green"), "it serves again")
    proxy.eventually(lambda: _workers(proxy) not in ([], workers), "the agent knows the new worker")
    service.up("green", 2)
    service.flip("blue")
    assert service.get()[1] == "blue"


def test_haproxy_starts_from_consul_what_was_changed_while_it_was_away(
    service: Service, proxy: ProxyContainers
) -> None:
    proxy.stop("haproxy")
    proxy.eventually(lambda: _workers(proxy) == [], "the agent sees that HAProxy is away")
    route = service.write(split=Split("green"))
    proxy.eventually(
        lambda: "HAProxy does not answer" in str(proxy.service(service.name).get("error")), "the agent says why"
    )
    assert proxy.service(service.name)["revision"] < route.revision
    proxy.begin("haproxy")
    proxy.eventually(lambda: _status(service)[0] == 200, "it serves again")
    assert _status(service) == (200, "green")
    proxy.wait_for_revision(route)


def test_everything_starts_from_the_last_good_files_without_consul(
    service: Service, proxy: ProxyContainers, consul: ConsulContainer
) -> None:
    service.flip("green")
    proxy.stop("agent")
    proxy.stop("haproxy")
    consul.stop()
    proxy.begin("haproxy")
    proxy.begin("agent")
    proxy.eventually(lambda: _status(service) == (200, "green"), "it serves what it served")
    assert "last good files" in proxy.log("haproxy")
    consul.start()
    proxy.wait_for_revision(service.route)
    service.flip("blue")
    assert service.get()[1] == "blue"


@pytest.mark.parametrize(("away", "back"), [("stop", "start"), ("pause", "unpause")])
def test_a_silent_consul_changes_nothing(
    service: Service, proxy: ProxyContainers, consul: ConsulContainer, tmp_path: Path, away: str, back: str
) -> None:
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        getattr(consul, away)()
        load.wait_for_answers(900, after=time.monotonic())
        getattr(consul, back)()
        proxy.eventually(lambda: _workers(proxy) != [], "the agent is back")
        service.flip("green")
        load.wait_for_answers(50, "green", after=time.monotonic())
    assert not load.report.lost, str(load.report)


@pytest.mark.parametrize("history", [pytest.param(0, id="a short history"), pytest.param(400, id="a long history")])
def test_a_consul_that_lost_its_data_takes_no_route_away(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers, consul: ConsulContainer, history: int
) -> None:
    """The new one's index may be lower or higher than the old one's: it says nothing."""
    service.flip("green")
    proxy.stop("agent")
    consul.lose_everything()
    for number in range(history):
        consul.store.put("docker-flow/routes/", str(number))
    proxy.begin("agent")
    proxy.eventually(lambda: _workers(proxy) != [], "the agent has found the new Consul")
    proxy.eventually(
        lambda: any(f"lost the route of '{service.name}'" in note for note in proxy.acknowledgement()["notes"]),
        "it is reported",
    )
    assert _status(service) == (200, "green")
    another = new_service()
    another.run("blue")
    another.reconfigure(instances={"blue": 1})
    another.up("blue", 1)
    assert _status(service) == (200, "green")
    for instance in service.instances:
        service.register(instance)
    # The next release, as the modules write it: Consul knows no revision, so it follows the newest that a proxy has.
    assert proxy.service(service.name)["revision"] == service.route.revision
    new_path = f"{service.path}-new"
    service.reconfigure(split=Split("blue"), paths=(service.path, new_path))
    assert {service.get()[1] for _unused in range(20)} == {"blue"}
    assert proxy.get(new_path)[:2] == (200, "blue")
    assert not any("has lost" in note for note in proxy.acknowledgement()["notes"])
    service.flip("green")
    assert service.get()[1] == "green"


def test_a_route_that_was_removed_while_the_proxy_was_off_is_gone_when_it_is_back(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers
) -> None:
    other = new_service()
    other.reconfigure()
    for program in ("agent", "haproxy"):
        proxy.stop(program)
    stone = service.take_away()
    for program in ("haproxy", "agent"):
        proxy.begin(program)
    proxy.eventually(lambda: proxy.removed(service.name).get("revision") == stone.revision, "it is gone")
    assert (_status(service)[0], proxy.service(service.name)) == (404, {})
    assert not any("has lost" in note for note in proxy.acknowledgement()["notes"])
    # Once all have seen it the tombstone goes, and nothing comes back.
    proxy.store.delete(service.key)
    proxy.eventually(lambda: proxy.removed(service.name) == {}, "nothing is left of it")
    assert (_status(service)[0], proxy.service(service.name)) == (404, {})
    service.reconfigure(instances={"blue": 2})
    service.up("blue", 2)
    assert _status(service) == (200, "blue")


def test_a_key_that_is_missing_is_no_removal(service: Service, proxy: ProxyContainers) -> None:
    proxy.store.delete(service.key)
    proxy.eventually(
        lambda: any(f"lost the route of '{service.name}'" in note for note in proxy.acknowledgement()["notes"]),
        "it is reported",
    )
    said = proxy.service(service.name)
    assert (_status(service), said["lost"], said["route"]["revision"]) == ((200, "blue"), True, service.route.revision)
    stone = service.take_away()
    proxy.eventually(lambda: proxy.removed(service.name).get("revision") == stone.revision, "it is gone")
    assert _status(service)[0] == 404


def _status(service: Service) -> tuple[int, str]:
    try:
        return service.get()[:2]
    except OSError:
        return 0, ""


def _workers(proxy: ProxyContainers) -> list[dict[str, object]]:
    workers: list[dict[str, object]] = proxy.acknowledgement().get("workers", [])
    return workers
