# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances come and go in Consul; users notice nothing. Budget: 60 s."""

from __future__ import annotations

import dataclasses
import http.client
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import PORT, ProxyContainers
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.service import Service
from ansible_collections.dockerflow.delivery.tests.load.running import Load


def test_instances_come_and_go_without_a_lost_request_or_a_reload(
    service: Service, proxy: ProxyContainers, tmp_path: Path
) -> None:
    workers = proxy.haproxy.workers()
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        for number in range(4):
            new = service.run("blue", 2)
            service.up("blue", 4)
            service.withdraw(*new)
            service.up("blue", 2)
            if number % 2:
                # Withdrawn and drained: now it may die at once.
                proxy.eventually(lambda new=new: not _knows(proxy, service, new[0].port), "the server is removed")
                new[0].kill()
                new[1].kill()
    assert not load.report.lost, str(load.report)
    assert proxy.haproxy.workers() == workers


def test_an_instance_without_anything_behind_it_never_gets_a_request(
    service: Service, proxy: ProxyContainers, tmp_path: Path
) -> None:
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        dead = service.run("blue", 2, listen=False)
        proxy.eventually(lambda: proxy.color(service.name, "blue").get("servers") == 4, "they are configured")
        load.wait_for_answers(600)
        assert proxy.color(service.name, "blue")["up"] == 2
        proxy.haproxy.reload()
        load.wait_for_answers(300)
    assert not load.report.lost, str(load.report)
    proxy.eventually(lambda: all(_knows(proxy, service, one.port) for one in dead), "the new worker has them too")
    assert all(proxy.haproxy.servers(f"{service.name}-blue")[_server(one.port)].requests == 0 for one in dead)


def test_what_the_check_of_an_instance_got_is_told(service: Service, proxy: ProxyContainers) -> None:
    (nobody,) = service.run("green", listen=False)
    sick = service.instances[0]
    sick.signal(signal.SIGUSR1)

    def told(color: str) -> list[Any]:
        failing: Any = proxy.color(service.name, color).get("failing", [])
        return [(one["place"], one["kind"], one["got"]) for one in failing]

    refused, status = (f"127.0.0.1:{nobody.port}", "refused", "connection refused"), "status 503"
    proxy.eventually(lambda: told("green") == [refused], "nothing listens there")
    proxy.eventually(lambda: told("blue") == [(f"127.0.0.1:{sick.port}", "status", status)], "it is not well")
    sick.signal(signal.SIGUSR2)
    proxy.eventually(lambda: told("blue") == [], "it is well again")


def test_a_reload_brings_no_unproven_server(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers, tmp_path: Path
) -> None:
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        for _unused in range(3):
            service.run("blue", 1, listen=False)
            new_service().reconfigure()
        load.wait_for_answers(300)
    assert not load.report.lost, str(load.report)


def test_an_instance_that_is_registered_late_is_used_soon(service: Service) -> None:
    service.run("blue")
    service.up("blue", 3)


def test_everything_gone_at_once_is_not_believed_while_it_answers(service: Service, proxy: ProxyContainers) -> None:
    blue = [one for one in service.instances if one.name.endswith("-blue")]
    service.withdraw(*blue)
    note = f"no usable instance of {service.name}-blue"
    proxy.eventually(lambda: any(note in text for text in proxy.acknowledgement()["notes"]), "it is reported")
    assert {service.get()[0] for _unused in range(20)} == {200}
    service.register(blue[0])
    service.up("blue", 1)
    proxy.eventually(
        lambda: not any(note in text for text in proxy.acknowledgement()["notes"]), "the report is withdrawn"
    )


def test_a_colour_that_is_not_expected_any_more_goes_with_its_instances(
    service: Service, proxy: ProxyContainers
) -> None:
    service.reconfigure(instances={"blue": 2, "green": 0})
    green = [one for one in service.instances if one.name.endswith("-green")]
    service.withdraw(*green)
    proxy.eventually(lambda: proxy.haproxy.servers(f"{service.name}-green") == {}, "its servers are removed")
    service.reconfigure(instances={"blue": 2})
    assert service.get()[0] == 200


def test_an_instance_that_is_withdrawn_ends_its_requests(service: Service, proxy: ProxyContainers) -> None:
    slow = [http.client.HTTPConnection("127.0.0.1", PORT, timeout=40) for _unused in range(4)]
    for connection in slow:
        connection.request("GET", f"{service.path}/slow?seconds=8")
    proxy.eventually(lambda: proxy.color(service.name, "blue")["open"] == 4, "they are open")
    gone = service.instances[0]
    service.withdraw(gone)
    service.up("blue", 1)
    assert _knows(proxy, service, gone.port)
    assert [connection.getresponse().read() for connection in slow] == [b"blue"] * 4
    proxy.eventually(lambda: not _knows(proxy, service, gone.port), "it is removed")


def test_a_draining_instance_gets_nothing_new_until_it_is_taken_back(service: Service, proxy: ProxyContainers) -> None:
    one = service.instances[0]
    service.reconfigure(draining=(f"127.0.0.1:{one.port}",))
    service.up("blue", 1)
    before = proxy.haproxy.servers(f"{service.name}-blue")[_server(one.port)]
    assert before.status == "DRAIN"
    assert {service.get()[0] for _unused in range(20)} == {200}
    assert proxy.haproxy.servers(f"{service.name}-blue")[_server(one.port)].requests == before.requests
    service.reconfigure(draining=())
    service.up("blue", 2)


def test_a_check_in_consul_takes_an_instance_out(service: Service) -> None:
    one = service.instances[0]
    service.register(one, Check={"TTL": "1h", "Status": "critical"})
    service.up("blue", 1)
    service.register(one)
    service.up("blue", 2)


def test_an_instance_whose_check_fails_gets_nothing(service: Service, proxy: ProxyContainers) -> None:
    one = service.instances[0]
    one.signal(signal.SIGUSR1)
    proxy.eventually(lambda: proxy.color(service.name, "blue").get("up") == 1, "it is down")
    one.signal(signal.SIGUSR2)
    service.up("blue", 2)


def test_an_address_that_is_none_is_named_and_harms_nobody(service: Service, proxy: ProxyContainers) -> None:
    broken = dataclasses.replace(service.instances[0], id=f"{service.name}-broken")
    service.instances.append(broken)
    service.register(broken, Address="no host; add server")
    proxy.eventually(
        lambda: any("which is no IP address" in text for text in proxy.acknowledgement()["notes"]), "it is named"
    )
    service.up("blue", 2)


def test_gets_survive_an_instance_that_is_killed(service: Service, tmp_path: Path) -> None:
    service.reconfigure(options=dataclasses.replace(service.route.options, retries=3))
    with Load(service.url, out=tmp_path / "load", rate=300, kinds="get") as load:
        service.instances[0].kill()
        load.wait_for_answers(300)
    assert not load.report.lost, str(load.report)


def _server(port: int) -> str:
    return f"127.0.0.1_{port}"


def _knows(proxy: ProxyContainers, service: Service, port: int) -> bool:
    return _server(port) in proxy.haproxy.servers(f"{service.name}-blue")
