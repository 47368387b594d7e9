# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flip loses nothing, and when it is acknowledged nobody gets the old colour any more. Budget: 60 s."""

from __future__ import annotations

import hashlib
import http.client
import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Preview, Split
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import PORT, ProxyContainers
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.service import Service
from ansible_collections.dockerflow.delivery.tests.load.running import Load


def test_flips_under_load_lose_nothing_and_leave_nobody_behind(service: Service, tmp_path: Path) -> None:
    served = []  # colour, from when on nobody may get another, until when
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        for number in range(12):
            color = ("green", "blue")[number % 2]
            service.flip(color)
            acknowledged = time.monotonic()
            load.wait_for_answers(50, color, after=acknowledged)
            served.append((color, acknowledged, time.monotonic()))
    assert not load.report.lost, str(load.report)
    for color, start, end in served:
        assert set(load.report.between(start, end).versions()) == {color}


def test_clients_of_a_replaced_worker_get_the_new_colour(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers
) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", PORT, timeout=10) for _unused in range(20)]
    assert {_post(connection, service.path) for connection in connections} == {"blue"}
    before = proxy.haproxy.workers()
    new_service().reconfigure()  # a route that is new needs a reload; the connections stay with the old worker
    assert len(proxy.haproxy.workers()) == len(before) + 1
    service.flip("green")
    assert {_post(connection, service.path) for connection in connections} == {"green"}


def test_clients_of_a_replaced_worker_reach_instances_it_never_knew(
    new_service: Callable[[], Service], proxy: ProxyContainers
) -> None:
    service = new_service()
    service.run("blue")
    service.reconfigure(instances={"blue": 1, "green": 1})
    service.up("blue", 1)
    connections = [http.client.HTTPConnection("127.0.0.1", PORT, timeout=10) for _unused in range(5)]
    assert {_post(connection, service.path) for connection in connections} == {"blue"}
    new_service().reconfigure()
    service.run("green")
    service.up("green", 1)
    service.flip("green")
    assert {_post(connection, service.path) for connection in connections} == {"green"}


def test_a_reload_that_the_agent_did_not_prepare_keeps_the_flip(service: Service, proxy: ProxyContainers) -> None:
    service.flip("green")
    proxy.haproxy.reload()
    assert {service.get()[1] for _unused in range(20)} == {"green"}
    service.flip("blue")
    assert service.get()[1] == "blue"


def test_reloads_and_flips_at_once_lose_nothing(
    service: Service, new_service: Callable[[], Service], tmp_path: Path
) -> None:
    with Load(service.url, out=tmp_path / "load", rate=300) as load:
        for number in range(6):
            new_service().reconfigure()
            color = ("green", "blue")[number % 2]
            service.flip(color)
            load.wait_for_answers(20, color, after=time.monotonic())
    assert not load.report.lost, str(load.report)


def test_a_share_of_the_requests_goes_to_the_candidate(service: Service) -> None:
    service.reconfigure(split=Split("blue", "green", 30))
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    requests, share = 3000, 0.3
    versions = Counter(_post(connection, service.path) for _unused in range(requests))
    connection.close()
    # Six standard deviations of the binomial distribution: a right share is outside once in 500 million runs.
    spread = 6 * math.sqrt(requests * share * (1 - share))
    assert abs(versions["green"] - requests * share) < spread, versions
    assert versions.keys() == {"blue", "green"}
    service.reconfigure(split=Split("blue", "green", 100))
    assert {service.get()[1] for _unused in range(50)} == {"green"}
    service.reconfigure(split=Split("blue", "green", 0))
    assert {service.get()[1] for _unused in range(50)} == {"blue"}


def test_the_preview_token_opens_its_own_service_alone(service: Service, new_service: Callable[[], Service]) -> None:
    another = new_service()
    another.run("blue")
    another.reconfigure(instances={"blue": 1})
    another.up("blue", 1)
    token = "8d3f0c"
    service.reconfigure(preview=Preview("green", hashlib.sha256(token.encode()).hexdigest()))
    assert service.get(X_Docker_Flow_Preview=token)[1] == "green"
    assert service.get(X_Docker_Flow_Preview="wrong")[1] == "blue"
    assert service.get()[1] == "blue"
    assert another.get(X_Docker_Flow_Preview=token)[1] == "blue"
    assert "x-docker-flow-preview" not in service.get("/headers", X_Docker_Flow_Preview=token)[2]
    service.reconfigure(preview=None)
    assert service.get(X_Docker_Flow_Preview=token)[1] == "blue"


def test_open_requests_of_the_old_colour_are_counted_until_they_end(
    service: Service, new_service: Callable[[], Service], proxy: ProxyContainers
) -> None:
    slow = http.client.HTTPConnection("127.0.0.1", PORT, timeout=40)
    slow.request("GET", f"{service.path}/slow?seconds=8")
    proxy.eventually(lambda: proxy.color(service.name, "blue")["open"] == 1, "the open request is seen")
    new_service().reconfigure()  # now it is open in a worker that was replaced
    service.flip("green")
    assert proxy.color(service.name, "blue")["open"] == 1
    assert slow.getresponse().read() == b"blue"
    proxy.eventually(lambda: proxy.color(service.name, "blue")["open"] == 0, "it has ended")


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        pytest.param("", "", 200, id="as it is"),
        pytest.param("/", "", 200, id="trailing slash"),
        pytest.param("/1?a=/b", "", 200, id="below, with a query"),
        pytest.param("shelf", "", 404, id="another segment that begins alike"),
        pytest.param("", "www.Example.com:8080", 200, id="host with a port and capitals"),
    ],
)
def test_paths_match_whole_segments(service: Service, path: str, host: str, status: int) -> None:
    assert service.get(path, **({"Host": host} if host else {}))[0] == status


def test_a_host_wins_over_any_host(new_service: Callable[[], Service], service: Service) -> None:
    special = new_service()
    special.run("green")
    special.reconfigure(hosts=("books.example.com",), paths=(service.path,), split=Split("green"))
    special.up("green", 1)
    for host in ("books.example.com", "books.example.com.", "BOOKS.example.com.:80", "books.example.com:80"):
        assert service.get(Host=host)[1] == "green", host
    assert service.get(Host="other.example.com")[1] == "blue"


def _post(connection: http.client.HTTPConnection, path: str) -> str:
    connection.request("POST", path, body=b"{}")
    answer = connection.getresponse()
    answer.read()
    return answer.getheader("X-Version", str(answer.status))
