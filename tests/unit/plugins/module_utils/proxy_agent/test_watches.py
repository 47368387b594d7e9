# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the watches make of a store that goes back, falls silent or begins anew."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import RegistryUnreachableError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Catalog, Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.store import Entry
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.intent import Written
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.watches import (
    InstancesWatch,
    RoutesWatch,
    Watches,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul

PREFIX = "docker-flow/routes/"
ONE = Instance("1", "10.0.0.1", 1, "n", True, True, {}, ())
SILENT = RegistryUnreachableError("no Consul agent answered")


class Recording(FakeConsul):
    """Remembers the index that each question named."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def watch(self, prefix: str, index: int, wait: float) -> tuple[int, dict[str, Entry]]:
        self.asked.append(index)
        return super().watch(prefix, index, wait)

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        self.asked.append(index)
        return super().instances(service, index, wait)


@pytest.fixture
def consul() -> Recording:
    made = Recording()
    made.seed(f"{PREFIX}a", "A")
    made.seed(f"{PREFIX}b", "B")
    return made


class Counter:
    """How often something has changed."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def changed() -> Counter:
    return Counter()


def test_the_routes_are_told_when_they_change(consul: Recording, changed: Counter) -> None:
    watch = RoutesWatch(consul, PREFIX, changed)
    assert watch.current is None
    assert watch.look() == 0.0
    assert watch.current == Written(12, {"a": "A", "b": "B"})
    watch.look()
    assert changed.times == 1
    consul.seed(f"{PREFIX}a", "A2")
    watch.look()
    assert watch.current == Written(13, {"a": "A2", "b": "B"})
    assert (changed.times, consul.asked) == (2, [0, 12, 12])


def test_an_index_that_goes_back_is_asked_for_anew_and_tells_nothing_meanwhile(
    consul: Recording, changed: Counter
) -> None:
    watch = RoutesWatch(consul, PREFIX, changed)
    consul.delete(f"{PREFIX}b")
    watch.look()
    assert watch.current == Written(13, {"a": "A"})
    consul.reap_tombstones()
    watch.look()
    assert (watch.current, changed.times) == (Written(13, {"a": "A"}), 1)
    watch.look()
    assert watch.current == Written(11, {"a": "A"})
    assert consul.asked == [0, 13, 0]


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(lambda consul, changed: RoutesWatch(consul, PREFIX, changed), id="routes"),
        pytest.param(lambda consul, changed: InstancesWatch(consul, "a-blue", changed), id="instances"),
    ],
)
def test_silence_keeps_what_was_said_and_is_asked_less_and_less_often(
    consul: Recording, changed: Counter, new: Callable[[Recording, Counter], RoutesWatch | InstancesWatch]
) -> None:
    watch = new(consul, changed)
    watch.look()
    said = watch.current
    consul.silent = True
    pauses = [watch.look() for _unused in range(7)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert watch.silent_since is not None
    assert (watch.current, changed.times) == (said, 1)
    consul.silent = False
    assert watch.look() == 0.0
    assert (watch.silent_since, watch.problem) == (None, "")
    assert consul.asked[-1] == 0, "a Consul that comes back may be another one"
    consul.silent = True
    assert watch.look() == 0.2


def test_silence_is_logged_once_when_it_begins_and_when_it_ends(
    consul: Recording, changed: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    watch = RoutesWatch(consul, PREFIX, changed)
    watch.look()
    consul.silent = True
    watch.look()
    watch.look()
    consul.silent = False
    watch.look()
    watch.look()
    assert caplog.messages == [
        "routes: consul_addresses: no Consul agent answered",
        "routes: Consul answers again",
    ]


def test_a_watch_that_never_had_an_answer_says_so_once(
    consul: Recording, changed: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    watch = InstancesWatch(consul, "a-blue", changed)
    consul.silent = True
    watch.look()
    watch.look()
    assert caplog.messages == ["a-blue: consul_addresses: no Consul agent answered"]


def test_instances_are_told_when_they_change(consul: Recording, changed: Counter) -> None:
    watch = InstancesWatch(consul, "a-blue", changed)
    assert watch.current is None
    watch.look()
    assert (watch.current, changed.times) == ([], 1)
    watch.look()
    consul.services["a-blue"] = [ONE]
    watch.look()
    assert (watch.current, changed.times) == ([ONE], 2)


def test_an_answer_for_a_colour_that_nobody_follows_any_more_changes_nothing(
    consul: Recording, changed: Counter
) -> None:
    watch = InstancesWatch(consul, "a-blue", changed)
    watch.stop()
    watch.look()
    assert (watch.current, changed.times) == (None, 0)


def test_before_the_first_answer_nothing_is_said_to_be_silent(consul: Recording) -> None:
    assert Watches(consul, PREFIX, lambda: consul, lambda: None).silence() is None


class Blocking:
    """A catalog whose answers wait for C(more), as those of a blocking query do."""

    def __init__(self, asked: list[str], more: threading.Semaphore) -> None:
        self._asked = asked
        self._more = more

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        self._asked.append(service)
        assert self._more.acquire(timeout=10)
        return index + 1, [ONE]


def test_each_colour_has_a_watch_and_a_catalog_of_its_own_as_long_as_it_is_followed(consul: Recording) -> None:
    asked: list[str] = []
    more = threading.Semaphore(0)
    made: list[Catalog] = []
    answered = threading.Event()

    def new_catalog() -> Catalog:
        made.append(Blocking(asked, more))
        return made[-1]

    watches = Watches(consul, PREFIX, new_catalog, answered.set)
    watches.follow({"a-blue"})
    watches.follow({"a-blue", "b-blue"})
    assert len(made) == 2
    assert watches.instances("a-blue") is None
    more.release(2)
    assert answered.wait(10)
    watches.follow({"b-blue"})
    assert watches.instances("a-blue") is None
    watches.stop()
    assert watches.instances("b-blue") is None
    more.release(100)
