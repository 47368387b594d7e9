# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route is in effect when every proxy that counts says so, however late, and gone when none has a trace of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, LockLostError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import (
    Patience,
    Start,
    confirm,
    wait_until_gone,
    write_confirmed,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
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
    with pytest.raises(DeliveryError, match="within 0 s: proxy-2 has 1 of 2 instances of blue up; proxy-1 can reach"):
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


REFUSED = {"place": "172.17.0.1:32768", "kind": "refused", "got": "connection refused"}
STATUS = {"place": "172.17.0.1:32768", "kind": "status", "got": "status 503"}


def nowhere_up(live: World, *failing: dict[str, str]) -> None:
    """No proxy has an instance of blue up."""
    for proxy in live.proxies.members.values():
        proxy.up["blue"] = 0
        proxy.failing = list(failing)


def test_what_the_checks_got_the_log_and_who_is_to_blame_are_named(live: World) -> None:
    nowhere_up(live, REFUSED)
    live.engine.logs = ["listening on 127.0.0.1"]
    route, index = newer(live)
    with pytest.raises(DeliveryError) as caught:
        write_confirmed(live.release, route, index, 0.0, "blue", 2)
    message = str(caught.value)
    assert "proxy-1 has 0 of 2 instances of blue up (172.17.0.1:32768: connection refused)" in message
    assert "so it is the program" in message
    assert message.endswith("last log lines: listening on 127.0.0.1")
    assert "exclude" not in message
    assert caught.value.result["log"] == ["listening on 127.0.0.1"]


def test_first_answers_have_their_own_time(live: World) -> None:
    nowhere_up(live, REFUSED)
    looks: list[int] = []

    def listens() -> None:
        looks.append(1)
        if len(looks) == 3:
            for proxy in live.proxies.members.values():
                proxy.up["blue"] = 2
            live.proxies.settle(SERVICE)

    live.consul.after_watch.append(listens)
    route, index = newer(live)
    _index, confirmation = write_confirmed(live.release, route, index, 0.0, "blue", 2, start=Start(IN_TIME))
    assert sorted(confirmation.milliseconds) == ["proxy-1", "proxy-2"]


@pytest.mark.parametrize(
    ("failing", "silent"),
    [
        pytest.param([STATUS], "confirms", id="it has answered"),
        pytest.param([], "confirms", id="nothing is known of it"),
        pytest.param([REFUSED], SILENT, id="a proxy does not even take the route"),
        pytest.param([REFUSED], DEAD, id="a proxy has no heartbeat"),
    ],
)
def test_all_else_is_not_waited_for_that_long(live: World, failing: list[dict[str, str]], silent: str) -> None:
    nowhere_up(live, *failing)
    live.proxies["proxy-2"].behaviour = silent
    live.proxies.publish()
    route, index = newer(live)
    with pytest.raises(DeliveryError, match="did not confirm revision 5 of 'books-ms-app' within 0 s"):
        write_confirmed(live.release, route, index, 0.0, "blue", 2, start=Start(IN_TIME))


def test_instances_that_end_by_themselves_are_not_waited_for(live: World) -> None:
    nowhere_up(live, REFUSED)
    live.consul.after_watch.append(lambda: live.engine.stop_task("books-ms_app-blue") if live.running("blue") else None)
    route, index = newer(live)
    with pytest.raises(
        DeliveryError, match="'books-ms_app-blue' did not become healthy: 0 of 2 instances healthy, 1 f"
    ):
        write_confirmed(live.release, route, index, IN_TIME, "blue", 2, start=Start(IN_TIME, max_failures=1))


@pytest.mark.parametrize(
    ("looks", "over"),
    [
        pytest.param([(9.9, False)], False, id="within the time for all else"),
        pytest.param([(10.0, False)], True, id="after it"),
        pytest.param([(50.0, True)], False, id="first answers have longer"),
        pytest.param([(100.0, True)], True, id="but not for ever"),
        pytest.param([(90.0, True), (99.0, False)], False, id="it answers: all else begins"),
        pytest.param([(90.0, True), (100.0, False)], True, id="and ends"),
        pytest.param([(5.0, False), (50.0, True), (59.0, False)], False, id="back and forth"),
    ],
)
def test_patience(looks: list[tuple[float, bool]], over: bool) -> None:
    now = [0.0]
    patience = Patience(10.0, 100.0, lambda: now[0])
    said = False
    for now[0], starting in looks:
        said = patience.is_over(starting=starting)
    assert said is over
    assert patience.waited == max(10, round(looks[-1][0]))


@pytest.mark.parametrize("current", [pytest.param(True, id="current agents"), pytest.param(False, id="older agents")])
def test_taking_back_needs_nothing_of_who_never_took_it(live: World, current: bool) -> None:
    live.proxies["proxy-1"].current = live.proxies["proxy-2"].current = current
    route, index = newer(live)
    flipped = replace(route, split=Split("green"))
    live.proxies["proxy-1"].behaviour = "disk full"
    with pytest.raises(DeliveryError, match="refuses revision 5"):
        write_confirmed(live.release, flipped, index, IN_TIME, "green", 0)
    back, index = live.release.route.read()
    assert back is not None
    back = replace(back, revision=6, split=Split("blue"))
    _index, confirmation = write_confirmed(live.release, back, index, IN_TIME, "blue", 0, instead_of=flipped)
    assert sorted(confirmation.milliseconds) == ["proxy-1", "proxy-2"]


@pytest.mark.parametrize(
    "stays",
    [
        pytest.param({"revision": 5}, id="it took the flip"),
        pytest.param({"live": "green"}, id="its memory has users elsewhere"),
    ],
)
def test_who_may_serve_the_other_colour_is_not_back(live: World, stays: dict[str, object]) -> None:
    route, index = newer(live)
    flipped = replace(route, split=Split("green"))
    written = live.release.route.write(flipped, index)
    live.proxies["proxy-1"].behaviour = "disk full"
    live.proxies["proxy-1"].services[SERVICE].update({"revision": 4, "live": "blue", **stays})
    back = replace(flipped, revision=6, split=Split("blue"))
    with pytest.raises(DeliveryError, match="'proxy-1' refuses revision 6 of 'books-ms-app': disk full"):
        write_confirmed(live.release, back, written, IN_TIME, "blue", 0, instead_of=flipped)


def test_an_error_that_stood_before_ends_no_wait_in_which_nothing_was_written(live: World) -> None:
    proxy = live.proxies["proxy-1"]
    route, index = newer(live)
    proxy.behaviour = "disk full"
    live.release.route.write(route, index)

    def repaired() -> None:
        proxy.behaviour = "confirms"
        live.proxies.settle(SERVICE)

    live.consul.after_watch.append(repaired)
    assert "proxy-1" in confirm(live.release, route, IN_TIME, "blue", 0).milliseconds


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
