# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: one release at a time per target, and a sleeper that wakes up after its lock expired changes nothing.

Time budget: 100 s.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import OutOfDateError
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_engine import SwarmEngine
from ansible_collections.dockerflow.delivery.plugins.modules import relative_scale
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.modules import call
from ansible_collections.dockerflow.delivery.tests.integration.project import Project
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually


@pytest.fixture(scope="module")
def twice(new_project: Callable[..., Project]) -> Project:
    return new_project("twice", lean=True)


@pytest.fixture
def books(twice: Project) -> Project:
    """Users are on one instance of version 1."""
    stages.stand(twice, "1")
    return twice


def test_of_two_releases_at_once_one_wins_and_the_other_says_who_holds_it(books: Project) -> None:
    with books.load(rate=100) as load:
        first = books.start("2")
        eventually(lambda: books.world.consul.lock(books.service), "the first run holds the lock")
        owner = books.world.consul.lock(books.service)["owner"]
        second = books.deploy("stubborn", lock_wait=0)
        won = first.wait()
    assert won.succeeded, str(won)
    assert second.rc != 0
    assert f"another release of this target is in progress: {owner} holds the lock since" in second.failure
    assert "in stage '" in second.failure
    assert not load.report.lost, str(load.report)
    assert books.get().version == "2"


def test_a_second_release_that_may_wait_follows_the_first(books: Project) -> None:
    first = books.start("2")
    eventually(lambda: books.world.consul.lock(books.service), "the first run holds the lock")
    second = books.deploy("stubborn")
    assert first.wait().succeeded, str(first.wait())
    assert second.succeeded, str(second)
    assert books.get().version == "stubborn"


def test_a_run_that_was_frozen_past_its_lock_is_refused_when_it_wakes(books: Project) -> None:
    color = candidate(books)
    with books.load(rate=100) as load:
        sleeper = books.start("2")
        eventually(lambda: wanted(books, f"app-{color}"), "the sleeper deploys")
        sleeper.freeze()
        winner = books.deploy("1", force=True)  # waits until the sleeper's lock has expired
        state = everything(books)
        sleeper.thaw()
        woken = sleeper.wait()
    assert winner.succeeded, str(winner)
    assert woken.rc != 0, str(woken)
    assert "no longer holds the lock" in woken.failure, woken.failure
    assert everything(books) == state, "the sleeper changed something after it woke up"
    assert not load.report.lost, str(load.report)


def test_swarm_refuses_what_a_sleeper_decided_before_another_run_marked_the_service(books: Project) -> None:
    engine = SwarmEngine()
    known = engine.service(f"{books.name}_app-{books.live}")
    assert known is not None
    engine.mark(known, "another-run")
    with pytest.raises(OutOfDateError):
        engine.scale(known, 0)
    assert books.counts()[f"app-{books.live}"] == known.replicas


def test_ten_clients_that_scale_by_one_at_once_add_exactly_ten(books: Project) -> None:
    before = books.counts()[f"app-{books.live}"]
    options = {"project": books.name, "target": "app", "scale": "+1", "lock_wait": 300}
    with ProcessPoolExecutor(10) as pool:
        results = list(pool.map(scale, [options] * 10))
    assert not [result for result in results if result.get("failed")]
    assert books.counts()[f"app-{books.live}"] == before + 10


def scale(options: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own, as ten people at ten terminals."""
    return call(relative_scale, options)


def wanted(books: Project, service: str) -> int:
    """The instances that a service shall have; 0 while it does not exist."""
    found = books.world.swarm.services(books.name).get(service)
    return found.replicas if found is not None else 0


def candidate(books: Project) -> str:
    return "green" if books.live == "blue" else "blue"


def everything(books: Project) -> tuple[object, ...]:
    consul, swarm = books.world.consul, books.world.swarm
    services = swarm.services(books.name)
    instances = {service: swarm.instances(books.name, service) for service in services}
    return services, instances, consul.route(books.service), consul.release(books.service)
