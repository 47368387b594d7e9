# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's looks: what makes it compare everything, and what it publishes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.agent import Agent
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import ProxyError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.intent import Written
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.reconciler import Reconciler
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxy_driver import FakeDriver

NewRoute = Callable[..., Route]
BLUE = "books-blue"


class Source:
    """What is said; a colour has instances only while it is followed, as with real watches."""

    def __init__(self) -> None:
        self.written: Written | None = None
        self.followed: list[set[str]] = []
        self.silent: tuple[float, str] | None = None

    def write(self, index: int, *routes: Route) -> None:
        self.written = Written(index, {route.service: route.to_json() for route in routes})

    def follow(self, names: Collection[str]) -> None:
        self.followed.append(set(names))

    def instances(self, name: str) -> Sequence[Instance] | None:
        if name not in self.followed[-1]:
            return None
        return [Instance("1", "10.0.0.1", 1, "n", True, True, {}, ())] if name == BLUE else []

    def silence(self) -> tuple[float, str] | None:
        return self.silent


class Stage:
    """An agent with all that is around it; C(now) is its clock."""

    def __init__(self, driver: FakeDriver, settings: Settings) -> None:
        self.now = 1000.0
        self.driver = driver
        self.source = Source()
        self.published: list[Mapping[str, Any]] = []
        self.wake = threading.Event()
        reconciler = Reconciler(driver, settings.paths)
        self.agent = Agent("p1", driver, reconciler, self.source, self.published.append, self.wake, lambda: self.now)

    def step(self, changed: bool = False) -> list[str]:
        """One look; what the proxy was asked in it."""
        self.driver.calls.clear()
        self.pause = self.agent.step(changed)
        return list(self.driver.calls)

    @property
    def books(self) -> Mapping[str, Any]:
        service: Mapping[str, Any] = self.published[-1]["services"]["books"]
        return service


@pytest.fixture
def stage(driver: FakeDriver, settings: Settings, new_route: NewRoute) -> Stage:
    """All is quiet: users are on blue, its server has proven itself."""
    made = Stage(driver, settings)
    made.source.write(11, new_route(instances={"blue": 1}))
    made.step()
    driver.checks_pass()
    made.step()
    made.step()
    assert made.pause == 1.0
    return made


def is_full(calls: list[str]) -> bool:
    return "switch" in calls


def test_a_quiet_look_only_counts_and_publishes(stage: Stage) -> None:
    number = len(stage.published)
    assert stage.step() == ["generations", "counts"]
    assert len(stage.published) == number + 1
    assert stage.books["colors"]["blue"] == {"servers": 1, "up": 1, "open": 0, "draining": 0}


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda stage: stage.driver.go_down(BLUE, Endpoint("10.0.0.1", 1)), id="a server went down"),
        pytest.param(lambda stage: stage.driver.restart(), id="another process"),
        pytest.param(lambda stage: setattr(stage, "now", stage.now + 30), id="30 s are over"),
    ],
)
def test_what_makes_it_compare_everything(stage: Stage, happens: Callable[[Stage], None]) -> None:
    happens(stage)
    assert is_full(stage.step())


def test_what_is_said_is_done_at_once(stage: Stage, new_route: NewRoute) -> None:
    stage.source.write(12, new_route(revision=2, split=Split("green"), instances={"blue": 1}))
    assert not is_full(stage.step())
    assert is_full(stage.step(changed=True))
    assert (stage.books["revision"], stage.books["live"]) == (2, "green")
    assert stage.source.followed[-1] == {BLUE, "books-green"}


def test_a_server_on_its_way_out_is_looked_at_in_full_until_it_is_gone(stage: Stage, new_route: NewRoute) -> None:
    stage.source.write(12, new_route(revision=2, split=Split("green"), instances={"green": 1}))
    stage.step(changed=True)
    assert stage.pause == 0.2
    assert is_full(stage.step())
    assert stage.driver.states[BLUE] == {}


def test_it_waits_for_a_proxy_that_comes_up_late(driver: FakeDriver, settings: Settings, new_route: NewRoute) -> None:
    stage = Stage(driver, settings)
    stage.source.write(11, new_route(instances={"blue": 1}))
    driver.away = True
    for _unused in range(3):
        assert "running" in stage.step()
        assert stage.pause == 0.5
    assert stage.published[-1]["workers"] == []
    driver.away = False
    stage.step()
    assert stage.published[-1]["workers"] == [{"pid": 12, "current": True}, {"pid": 11, "current": False}]
    assert stage.books["revision"] == 1


@pytest.mark.parametrize("call", ["generations", "counts"])
def test_an_error_is_told_once_and_everything_is_compared_afterwards(
    stage: Stage, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    stage.driver.fails[call] = ProxyError("no answer in 5 s")
    number = len(stage.published)
    with caplog.at_level(logging.WARNING):
        stage.step()
    assert caplog.messages == ["no answer in 5 s"]
    assert (len(stage.published), stage.pause) == (number, 0.5)
    del stage.driver.fails[call]
    assert is_full(stage.step())
    assert stage.books["revision"] == 1


def test_a_problem_that_lasts_is_logged_once(
    stage: Stage, new_route: NewRoute, caplog: pytest.LogCaptureFixture
) -> None:
    stage.driver.fails["restructure"] = ProxyError("cannot bind")
    stage.source.write(12, new_route(instances={"blue": 1}), new_route("records"))
    with caplog.at_level(logging.WARNING):
        for _unused in range(3):
            stage.step(changed=True)
    assert caplog.messages.count("cannot bind") == 1
    assert stage.published[-1]["services"]["records"] == {
        "revision": 0,
        "error": "cannot bind",
        "written": 1,
        "live": None,
        "colors": {},
    }


def test_what_was_refused_is_tried_again_after_five_minutes(stage: Stage, new_route: NewRoute) -> None:
    stage.driver.fails["restructure"] = ProxyError("cannot bind")
    stage.source.write(12, new_route(instances={"blue": 1}), new_route("records"))
    stage.step(changed=True)
    assert "restructure" not in stage.step(changed=True)
    stage.now += 300
    del stage.driver.fails["restructure"]
    assert "restructure" in stage.step()
    assert stage.published[-1]["services"]["records"]["revision"] == 1


@pytest.mark.parametrize(
    ("seconds", "notes"),
    [
        pytest.param(1.9, [], id="a moment"),
        pytest.param(2.0, ["what was last known stays in effect: no agent answered"], id="longer"),
    ],
)
def test_a_silent_store_is_worth_a_note_after_two_seconds(stage: Stage, seconds: float, notes: list[str]) -> None:
    stage.source.silent = (stage.now - seconds, "no agent answered")
    stage.step(changed=True)
    assert stage.published[-1]["notes"] == notes
    assert stage.books["revision"] == 1


def test_an_agent_that_is_stopped_ends(stage: Stage) -> None:
    stage.agent.stop()
    stage.agent.run()
    assert stage.driver.states[BLUE]["10.0.0.1:1"].up
