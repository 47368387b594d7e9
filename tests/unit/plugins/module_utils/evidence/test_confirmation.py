# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route is in effect when every proxy that counts says so, however late, and gone when none has a trace of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, LockLostError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import (
    confirm,
    wait_until_gone,
    write_confirmed,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

# Nobody waits that long: a look at the fleet costs no time here.
IN_TIME = 60.0


@pytest.fixture
def live(world: World) -> World:
    """Blue is live with two instances, and a run holds the lock."""
    world.colour("blue", 2)
    world.route("blue")
    world.start_run()
    return world


def newer(world: World) -> tuple[Route, int]:
    """The next revision, and the index to write it with."""
    route, index = world.release.route.read()
    assert route is not None
    return replace(route, revision=route.revision + 1), index


def test_a_proxy_whose_checks_take_a_while_is_waited_for(live: World) -> None:
    live.proxies["proxy-2"].warming = 3
    route, index = newer(live)
    _index, confirmation = write_confirmed(live.release, route, index, IN_TIME, "blue", 2)
    assert sorted(confirmation.milliseconds) == ["proxy-1", "proxy-2"]
    assert any("proxy-2 has 0 of 2 instances of blue up" in line for line in live.progress)
    assert len(live.consul.renewed) > 2, "the lock lives while it waits"


def test_a_proxy_whose_checks_never_pass_is_named(live: World) -> None:
    live.proxies["proxy-2"].up["blue"] = 1
    route, index = newer(live)
    with pytest.raises(DeliveryError, match=r"within 0 s: proxy-2 has 1 of 2 instances of blue up \(repair it"):
        write_confirmed(live.release, route, index, 0.0, "blue", 2)


def test_a_proxy_that_refuses_ends_the_wait_at_once(live: World) -> None:
    live.proxies["proxy-1"].behaviour = "disk full"
    route, index = newer(live)
    with pytest.raises(DeliveryError, match="proxy 'proxy-1' refuses revision 5 of 'books-ms-app': disk full"):
        write_confirmed(live.release, route, index, IN_TIME, "blue", 2)


def test_a_refusal_from_before_is_not_about_this_revision(live: World) -> None:
    proxy = live.proxies["proxy-1"]
    proxy.behaviour = "disk full"
    live.proxies.settle(SERVICE)
    proxy.behaviour = SILENT
    route, index = newer(live)

    def repaired(_key: str) -> None:
        proxy.behaviour = "confirms"

    live.consul.before_write.append(repaired)
    live.proxies.late = True  # what it reports when the route is written is still the old refusal
    _index, confirmation = write_confirmed(live.release, route, index, IN_TIME, "blue", 2)
    assert "proxy-1" in confirmation.milliseconds


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        pytest.param(SILENT, "proxy-2 is at revision 4", id="it does not take the new revision"),
        pytest.param(DEAD, "proxy-2 has no heartbeat", id="its agent is dead, its port answers"),
    ],
)
def test_who_does_not_confirm_is_named(live: World, behaviour: str, said: str) -> None:
    live.proxies["proxy-2"].behaviour = behaviour
    live.proxies.publish()
    route, index = newer(live)
    with pytest.raises(DeliveryError, match=f"did not confirm revision 5 of 'books-ms-app' within 0 s: {said}"):
        write_confirmed(live.release, route, index, 0.0, "blue", 2)


def test_a_newer_revision_that_sends_users_elsewhere_confirms_nothing(live: World) -> None:
    live.proxies["proxy-2"].services[SERVICE].update(revision=9, live="green")
    live.proxies.publish()
    route, _index = live.release.route.read()
    assert route is not None
    with pytest.raises(DeliveryError, match="proxy-2 sends users to green by revision 9"):
        confirm(live.release, route, 0.0, "blue", 0)


def test_a_member_that_dies_meanwhile_still_counts(live: World) -> None:
    live.proxies["proxy-2"].behaviour = SILENT
    route, index = newer(live)
    looks: list[int] = []

    def dies() -> None:
        looks.append(1)
        if len(looks) == 2:
            live.proxies["proxy-2"].behaviour = DEAD
            live.proxies.publish()
        if len(looks) == 4:
            live.consul.expire(live.release.run.id)  # else it would wait for the minute

    live.consul.after_watch.append(dies)
    with pytest.raises(LockLostError):
        write_confirmed(live.release, route, index, IN_TIME, "blue", 2)
    assert any("proxy-2 has no heartbeat" in line for line in live.progress)


def test_a_fleet_without_a_living_member_confirms_nothing(live: World) -> None:
    for proxy in live.proxies.members.values():
        proxy.behaviour = DEAD
    live.proxies.publish()
    live.refusing.update(f"http://192.0.2.{number}:80" for number in (1, 2))
    route, _index = newer(live)
    with pytest.raises(DeliveryError, match="no proxy is alive to take the route of 'books-ms-app'"):
        confirm(live.release, route, 0.0, "blue", 0)


def test_an_index_that_goes_back_ends_no_wait(live: World) -> None:
    live.proxies["proxy-2"].warming = 4
    route, index = newer(live)
    live.consul.seed("docker-flow/proxies/proxy-9", "{}")
    live.consul.delete("docker-flow/proxies/proxy-9")
    live.consul.after_watch.append(live.consul.reap_tombstones)
    _index, confirmation = write_confirmed(live.release, route, index, IN_TIME, "blue", 2)
    assert sorted(confirmation.milliseconds) == ["proxy-1", "proxy-2"]


@pytest.mark.parametrize(
    ("behaviour", "left"),
    [
        pytest.param("confirms", [], id="all let go"),
        pytest.param(SILENT, ["proxy-2 is at revision 4"], id="one still has it"),
        pytest.param("disk full", ["proxy-2 is at revision 4: disk full"], id="one could not"),
        pytest.param(DEAD, ["proxy-2 has no heartbeat"], id="one cannot say"),
    ],
)
def test_until_no_trace_is_left(live: World, behaviour: str, left: list[str]) -> None:
    live.proxies["proxy-2"].behaviour = behaviour
    live.proxies.publish()
    live.release.route.remove(Tombstone(SERVICE, 5), live.release.route.read()[1])
    assert wait_until_gone(live.release, 5, 0.0) == left


@pytest.mark.parametrize(("revision", "left"), [(4, ["proxy-2 does not know of its removal yet"]), (5, [])])
def test_that_a_proxy_does_not_mention_it_proves_nothing(live: World, revision: int, left: list[str]) -> None:
    """It may not have heard of the last version yet, and would still take it: a removal of long ago is another one."""
    live.proxies["proxy-2"].behaviour = SILENT
    live.proxies["proxy-2"].services = {}
    live.proxies["proxy-2"].removed = {SERVICE: {"revision": revision, "open": 0}}
    live.release.route.remove(Tombstone(SERVICE, 5), live.release.route.read()[1])
    assert wait_until_gone(live.release, 5, 0.0) == left
