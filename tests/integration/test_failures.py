# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: whatever part fails, traffic goes on and the state converges by itself, without a playbook run.

Time budget: 120 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually
from ansible_collections.dockerflow.delivery.tests.load.report import Report

pytestmark = pytest.mark.alone  # it kills parts that every project uses


@pytest.fixture(scope="module")
def failing(new_project: Callable[..., Project]) -> Project:
    return new_project("failing", lean=True)


@pytest.fixture
def books(failing: Project) -> Project:
    """Users are on two instances of version 1."""
    stages.stand(failing, "1", instances=2)
    return failing


def test_traffic_goes_on_while_consul_is_away_and_a_release_works_after(books: Project, world: World) -> None:
    with books.load() as load:
        world.swarm.stop_container(world.consul_container)
        refused = books.deploy("2")
        world.swarm.client.containers.get(world.consul_container).start()
        eventually(world.consul.healthy, "Consul has a leader", timeout=60)
        eventually(lambda: reported(books), "the proxy reports itself again", timeout=60)
        eventually(lambda: len(world.consul.instances(f"{books.service}-{books.live}")) == 2, "both are registered", 60)
        load.wait_for_answers(100, after=time.monotonic())
    assert refused.rc != 0
    assert "consul_addresses" in refused.failure, refused.failure
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"1"}


def test_a_restarted_consul_tells_no_old_stories(books: Project, world: World) -> None:
    """While it replays its log, releases of long ago come and go in it; users are on the last one all the time."""
    for version in ("2", "1") * 3:
        stages.deploy(books, version)
        stages.flip(books)
        stages.stop_old(books)
    live = books.live
    with books.load() as load:
        for _again in range(2):
            load.wait_for_answers(300, after=time.monotonic())
            world.swarm.client.containers.get(world.consul_container).restart(timeout=1)
            eventually(world.consul.healthy, "Consul has a leader", timeout=60)
            eventually(lambda: reported(books), "the proxy reports itself again", timeout=60)
        load.wait_for_answers(300, after=time.monotonic())
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"1"}, str(load.report)
    assert books.live == live


def test_a_killed_proxy_agent_costs_nothing_and_catches_up(books: Project, world: World) -> None:
    with books.load() as load:
        world.swarm.kill_process(world.agent)
        (first, second) = books.instances(books.live or "")
        world.swarm.kill(second)  # what the agent would have handled
        gone = time.monotonic()
        eventually(lambda: running(world, world.agent), "the agent runs again", timeout=60)
        eventually(lambda: len(up(books)) == 2, "the proxy has both instances, one at a new port", timeout=60)
        assert first in books.instances(books.live or "")
    assert_only_open_ones_were_lost(load.report, gone)


def test_a_restarted_proxy_serves_what_it_served(books: Project, world: World) -> None:
    live = books.live
    world.swarm.kill_process(world.haproxy.container)
    eventually(lambda: serves(books), "the proxy serves again", timeout=60)
    assert {books.get().version for _unused in range(50)} == {"1"}
    assert books.live == live


def test_a_killed_registrator_costs_nothing_and_catches_up(books: Project, world: World) -> None:
    with books.load() as load:
        world.swarm.kill_process(world.registrator)
        eventually(lambda: running(world, world.registrator), "the registrator runs again", timeout=60)
        books.release("2")
    assert not load.report.lost, str(load.report)


def test_a_killed_instance_comes_back_on_another_port(books: Project, world: World) -> None:
    color = books.live or ""
    victim = books.instances(color)[0]
    with books.load() as load:
        world.swarm.kill(victim)
        gone = time.monotonic()
        eventually(lambda: victim not in books.instances(color), "it is gone")
        eventually(lambda: len(up(books)) == 2, "the proxy has two again", timeout=60)
        ports = {port for instance in books.instances(color) for port in instance.ports}
        registered = {registration.port for registration in world.consul.instances(f"{books.service}-{color}")}
        assert registered <= ports
        load.wait_for_answers(100, after=time.monotonic())
    assert_only_open_ones_were_lost(load.report, gone)


def assert_only_open_ones_were_lost(report: Report, gone: float) -> None:
    """What an instance had open when it was killed cannot be saved; C(gone) is when Docker had ended it."""
    assert not [record for record in report.lost if record.began > gone], str(report)
    assert len(report.lost) <= 5, str(report)


def running(world: World, name: str) -> bool:
    return bool(world.swarm.client.containers.get(name).attrs["State"]["Running"])


def reported(books: Project) -> bool:
    proxies = books.world.consul.proxies().values()
    return bool(proxies) and all(books.service in proxy["services"] for proxy in proxies)


def up(books: Project) -> list[str]:
    servers = books.world.haproxy.servers(f"{books.service}-{books.live}").values()
    return [server.name for server in servers if server.status == "UP"]


def serves(books: Project) -> bool:
    try:
        return books.get(timeout=2).status == 200
    except OSError:
        return False
