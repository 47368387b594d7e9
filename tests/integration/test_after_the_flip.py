# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises: once the stage proxy returned, nothing needs the old colour, and no proxy forgets the new one.

Time budget: 90 s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.project import Answer, Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

pytestmark = pytest.mark.alone  # it reloads and restarts the proxy that every project uses


@pytest.fixture(scope="module")
def flipped(new_project: Callable[..., Project]) -> Project:
    return new_project("flipped", lean=True)


@pytest.fixture
def books(flipped: Project) -> Project:
    """Users are on version 1, and version 2 waits."""
    stages.stand(flipped, "1")
    stages.deploy(flipped, "2")
    return flipped


def flip(books: Project, drain_timeout: int = 0) -> float:
    """Send users to version 2, without stopping the old colour; returns when the stage proxy had returned."""
    result = stages.flip(books, drain_timeout=drain_timeout)
    moment = time.monotonic()
    assert result["changed"], result
    return moment


def test_killing_the_old_colour_the_moment_the_proxy_drained_it_loses_nothing(books: Project, world: World) -> None:
    old = books.live or ""
    doomed = books.instances(old)
    with books.load() as load:
        flip(books, drain_timeout=30)
        for instance in doomed:
            world.swarm.kill(instance)
        load.wait_for_answers(300, version="2", after=time.monotonic())
    assert not load.report.lost, str(load.report)
    assert books.live != old


def test_a_reload_keeps_the_new_colour(books: Project, world: World) -> None:
    flip(books)
    with books.load() as load:
        for _unused in range(3):
            world.haproxy.reload()
        load.wait_for_answers(300, version="2", after=time.monotonic())
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"2"}


def test_a_restart_of_the_proxy_keeps_the_new_colour(books: Project, world: World) -> None:
    flip(books)
    before = books.live
    world.swarm.client.containers.get(world.haproxy.container).restart(timeout=5)
    eventually(lambda: answers(books), "the proxy serves again")
    assert {books.get().version for _unused in range(50)} == {"2"}
    assert books.live == before


def test_a_flip_right_after_a_reload_leaves_no_client_of_the_old_worker_on_the_old_colour(
    books: Project, world: World
) -> None:
    with books.load(connections=40) as load:
        world.haproxy.reload()  # its worker keeps the kept-alive connections of the load
        moment = flip(books)
        load.wait_for_answers(600, version="2", after=moment)
    assert not load.report.lost, str(load.report)
    assert not load.report.stale("1", after=moment), str(load.report)


def test_a_slow_request_on_an_old_worker_holds_stop_old_back(books: Project, world: World) -> None:
    old = books.live
    answers: list[tuple[Answer, float]] = []

    def ask_slowly() -> None:
        answer = books.get("/version?delay_ms=12000", method="POST", body="{}", timeout=30)
        answers.append((answer, time.monotonic()))

    client = threading.Thread(target=ask_slowly)
    client.start()
    eventually(lambda: open_requests(books, old) == 1, "the slow request is on its way")
    world.haproxy.reload()
    eventually(lambda: len(world.haproxy.workers()) > 1, "an old worker has the slow request")
    result = books.release("2", flow="proxy,stop-old")
    client.join(timeout=30)
    answer, ended = answers[0]
    assert (answer.status, answer.version) == (200, "1")
    assert result.of("release_stop").at > ended, "stop-old returned before the slow request had ended"
    assert result.of("release_stop").values["cut"] == {}
    assert books.counts()[f"app-{old}"] == 0


def answers(books: Project) -> bool:
    try:
        return books.get(timeout=2).status == 200
    except OSError:
        return False


def open_requests(books: Project, color: str | None) -> int:
    """Open requests as the proxies' own reports count them."""
    reports = books.world.consul.proxies().values()
    return sum(report["services"][books.service]["colors"][color]["open"] for report in reports)
