# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage verify: one flapping instance is no failed release, and a release that keeps failing is one."""

from __future__ import annotations

from functools import partial

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import verify as stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.verify import Steadiness, verify
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

NAME = "books-ms_app-blue"


class Clock:
    """Time that passes only while somebody sleeps; C(events) happen at the given looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0
        self.events: dict[int, list[object]] = {}

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.looks += 1
        for event in self.events.get(self.looks, ()):
            event()  # type: ignore[operator]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stage, "wait_until", partial(wait_until, sleep=clock.sleep, clock=clock))
    return clock


@pytest.fixture
def live(world: World) -> World:
    world.colour("blue", 2)
    world.route("blue")
    world.record(live=release_of("blue"))
    world.start_run()
    return world


def look(world: World, clock: Clock, steady: float = 2.0) -> list[str]:
    found = verify(world.release, Steadiness(20.0, steady, 1), clock)
    warnings: list[str] = found["warnings"]
    return warnings


def dies(world: World) -> None:
    """An instance ends by itself, and a proxy sees it."""
    world.engine.stop_task(NAME)
    world.proxies["proxy-1"].up["blue"] = 1
    world.proxies.settle(SERVICE)


def is_replaced(world: World) -> None:
    world.engine.touch(NAME)
    world.engine._converge(NAME)
    world.proxies["proxy-1"].up.clear()
    world.proxies.settle(SERVICE)


def test_all_agree_for_a_while(live: World, clock: Clock) -> None:
    assert look(live, clock) == []
    assert clock.now >= 2.0


def test_one_instance_that_flaps_is_waited_for(live: World, clock: Clock) -> None:
    clock.events = {2: [lambda: dies(live)], 6: [lambda: is_replaced(live)]}
    assert look(live, clock) == []
    assert clock.looks > 6
    assert any("instances" in line for line in live.progress)


def test_a_release_that_keeps_failing_has_failed(live: World, clock: Clock) -> None:
    live.engine.logs = ["out of memory"]
    for at in (1, 3, 5):
        clock.events[at] = [lambda: dies(live)]
        clock.events[at + 1] = [lambda: is_replaced(live)]
    with pytest.raises(
        DeliveryError, match=r"2 instances of colour blue .* ended by themselves .*: out of memory"
    ) as raised:
        look(live, clock)
    assert raised.value.result["log"] == ["out of memory"]


def test_what_never_agrees_is_said(live: World, clock: Clock) -> None:
    live.proxies["proxy-2"].up["blue"] = 1
    live.proxies.settle(SERVICE)
    with pytest.raises(
        DeliveryError, match="not steady within 20 s: proxy proxy-2 has 1 instances of blue up"
    ) as raised:
        look(live, clock)
    assert raised.value.result["drift"] == ["proxy proxy-2 has 1 instances of blue up, 2 run"]


def test_a_dead_proxy_is_named_and_not_asked(live: World, clock: Clock) -> None:
    live.proxies["proxy-2"].behaviour = DEAD
    live.proxies.publish()
    with pytest.raises(DeliveryError, match="proxy proxy-2 has no heartbeat"):
        look(live, clock)  # it may well be serving
    live.refusing.add("http://192.0.2.2:80")
    assert look(live, clock) == ["proxy proxy-2 is dead, nothing listens at its front door: it was not asked"]


def test_an_excluded_proxy_is_not_asked(live: World, clock: Clock) -> None:
    live.proxies["proxy-2"].behaviour = SILENT
    live.route("blue", 5)
    release = live.new_release(frozenset({"proxy-2"}))
    release.run.taken = live.release.run.taken
    assert verify(release, Steadiness(20.0, 0.0, 1), clock)["warnings"] == []
