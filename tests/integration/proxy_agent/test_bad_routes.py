# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bad route harms no other, and what HAProxy refuses leaves it as it was. Budget: 40 s."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import RouteOptions, Split
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import PORT, ProxyContainers
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.service import Service


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("{", "no JSON", id="torn JSON"),
        pytest.param({"schema": 99}, "schema 99", id="from the future"),
        pytest.param({"service": "another"}, "route of 'another'", id="under another name"),
        pytest.param({"paths": ["/a b"]}, "no route allows", id="path with a blank"),
        pytest.param({"paths": ["/x\n  server evil 1.2.3.4:80"]}, "no route allows", id="path that adds a line"),
        pytest.param({"hosts": ["x'; use_backend evil"]}, "is not a host name", id="host that ends its quotes"),
        pytest.param({"options": {"check_path": "/' #"}}, "no route allows", id="check path that ends its quotes"),
        pytest.param({"options": {"retries": "3\n    mode tcp"}}, "not a whole number", id="option that adds a line"),
        pytest.param({"split": {"live": "red"}}, "neither blue nor green", id="unknown colour"),
    ],
)
def test_a_bad_revision_keeps_the_last_good_one(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers, change: Any, message: str
) -> None:
    document = {**service.route.to_document(), "revision": 2}
    text = change if isinstance(change, str) else json.dumps({**document, **change})
    proxy.store.put(f"docker-flow/routes/{service.name}", text)
    proxy.eventually(lambda: message in str(proxy.service(service.name).get("error")), "the error is acknowledged")
    assert proxy.service(service.name)["revision"] == 1
    assert service.get()[:2] == (200, "blue")
    another = new_service()
    another.run("blue")
    another.reconfigure(instances={"blue": 1})
    another.up("blue", 1)
    service.reconfigure()
    assert proxy.service(service.name)["error"] is None


def test_a_bad_new_route_is_named_and_never_served(new_service: Callable[[], Service], proxy: ProxyContainers) -> None:
    service = new_service()
    proxy.store.put(f"docker-flow/routes/{service.name}", "[]")
    proxy.eventually(lambda: "no JSON object" in str(proxy.service(service.name).get("error")), "the error")
    assert proxy.service(service.name)["revision"] == 0
    assert service.get()[0] == 404


def test_a_path_that_another_service_has_is_refused(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers
) -> None:
    thief = new_service()
    thief.write(paths=(thief.path, service.path))
    proxy.eventually(lambda: "belongs to" in str(proxy.service(thief.name).get("error")), "it is refused")
    assert service.get()[:2] == (200, "blue")


@pytest.fixture
def settings_of_its_own(proxy: ProxyContainers) -> Iterator[None]:
    """The agent has its usual settings again afterwards."""
    yield
    proxy.configure()
    proxy.restart("agent")
    proxy.eventually(lambda: proxy.acknowledgement().get("notes") == [], "all is well again")


def test_a_configuration_that_haproxy_refuses_is_undone(
    service: Service, proxy: ProxyContainers, settings_of_its_own: None
) -> None:
    before = _config(proxy)
    workers = proxy.haproxy.workers()
    proxy.configure(bind=[f"*:{PORT}", "203.0.113.7:18081"])  # not an address of this machine
    proxy.restart("agent")
    proxy.eventually(lambda: any("203.0.113.7" in note for note in proxy.acknowledgement().get("notes", [])), "a note")
    assert _config(proxy) == before
    assert proxy.haproxy.workers() == workers
    service.flip("green")
    assert service.get()[1] == "green"


def test_a_full_disk_is_no_flip(service: Service, proxy: ProxyContainers) -> None:
    filler = "/var/lib/docker-flow-proxy/filler"
    proxy.execute("sh", "-c", f"dd if=/dev/zero of={filler} bs=4k 2>/dev/null || true")
    try:
        before = service.route
        service.write(split=Split("green"))
        proxy.eventually(lambda: "No space left" in str(proxy.service(service.name).get("error")), "the error")
        assert proxy.service(service.name)["revision"] == before.revision
        assert {service.get()[1] for _unused in range(20)} == {"blue"}
        one = service.instances[0]
        service.withdraw(one)
        service.up("blue", 1)
    finally:
        proxy.execute("rm", filler)
    service.reconfigure()
    assert service.get()[1] == "green"


def test_a_full_disk_prepares_nothing_and_is_tried_again_once_it_has_room(
    service: Service, proxy: ProxyContainers
) -> None:
    filler = "/var/lib/docker-flow-proxy/filler"
    proxy.execute("sh", "-c", f"dd if=/dev/zero of={filler} bs=4k 2>/dev/null || true")
    try:
        before = service.route
        # A candidate is expected, and asks for another configuration: neither flips anybody.
        for change in ({"instances": {"blue": 2, "green": 3}}, {"options": RouteOptions(timeout_server=7)}):
            route = service.write(**change)
            proxy.eventually(lambda route=route: _read(proxy, service) == route.revision, "it was read")
            assert "No space left" in str(proxy.service(service.name).get("error"))
            assert proxy.service(service.name)["revision"] == before.revision
    finally:
        proxy.execute("rm", filler)
    proxy.wait_for_revision(service.route)  # within half a minute, without anything new in Consul
    assert proxy.service(service.name)["error"] is None


def test_an_option_changes_by_a_reload_that_nobody_notices(service: Service, proxy: ProxyContainers) -> None:
    service.reconfigure(options=dataclasses.replace(service.route.options, timeout_server=1))
    assert service.get("/slow?seconds=3")[0] == 504
    service.reconfigure(options=dataclasses.replace(service.route.options, timeout_server=10))
    assert service.get("/slow?seconds=2")[0] == 200


@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain"])
def test_a_stream_may_be_silent_for_longer_than_an_instance_may_take_to_answer(service: Service, kind: str) -> None:
    service.reconfigure(options=dataclasses.replace(service.route.options, timeout_server=1))
    assert service.get(f"/stream?seconds=3&type={kind}")[2] == "data: 1\n\ndata: 2\n\n"


def test_a_removed_route_leaves_no_trace(service: Service, proxy: ProxyContainers) -> None:
    assert proxy.haproxy.mentions(service.name)
    stone = service.take_away()
    proxy.eventually(lambda: proxy.removed(service.name).get("revision") == stone.revision, "it is gone")
    assert proxy.service(service.name) == {}
    assert proxy.haproxy.mentions(service.name) == []
    assert service.get()[0] == 404


def test_what_a_removal_leaves_open_is_told_and_ends_well(service: Service, proxy: ProxyContainers) -> None:
    with ThreadPoolExecutor(1) as user:
        asked = user.submit(service.get, "/slow?seconds=6")
        proxy.eventually(lambda: proxy.color(service.name, "blue").get("open") == 1, "it is open")
        service.take_away()
        proxy.eventually(lambda: proxy.removed(service.name).get("open") == 1, "it is told, though the route is gone")
        assert service.get()[0] == 404
        assert asked.result(20)[:2] == (200, "blue")
    proxy.eventually(lambda: proxy.removed(service.name).get("open") == 0, "nothing is open any more")


def test_a_removal_that_could_not_be_done_is_not_confirmed(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers
) -> None:
    new_service().reconfigure()  # its entries need room too
    filler = "/var/lib/docker-flow-proxy/filler"
    proxy.execute("sh", "-c", f"dd if=/dev/zero of={filler} bs=4k 2>/dev/null || true")
    try:
        stone = service.take_away()
        proxy.eventually(
            lambda: "could not be removed" in str(proxy.service(service.name).get("error")), "the reason is told"
        )
        assert proxy.removed(service.name) == {}
    finally:
        proxy.execute("rm", filler)
    proxy.restart("agent")  # it would try again by itself, in some minutes
    proxy.eventually(lambda: proxy.removed(service.name).get("revision") == stone.revision, "it is gone")
    assert service.get()[0] == 404


def test_many_routes_at_once(new_service: Callable[[], Service], proxy: ProxyContainers) -> None:
    services = [new_service() for _unused in range(150)]  # more than one payload of HAProxy's command line
    for service in services:
        long = tuple(f"{service.path}/{number}/{'x' * 60}" for number in range(5))
        service.write(paths=(service.path, *long))
    for service in services:
        proxy.wait_for_revision(service.route, timeout=30)
    assert {service.get()[0] for service in services} == {503}
    assert len(proxy.acknowledgement()["workers"]) <= len(services) / 2


def _read(proxy: ProxyContainers, service: Service) -> int | None:
    written: int | None = proxy.service(service.name).get("written")
    return written


def _config(proxy: ProxyContainers) -> str:
    return proxy.execute("cat", "/var/lib/docker-flow-proxy/haproxy.cfg")
