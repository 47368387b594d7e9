# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass after the other against a proxy that comes up late, refuses, fails or is replaced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.atomic_files import DiskError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import ProxyError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.intent import (
    Intent,
    Written,
    intend,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.last_good import LastGood
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.reconciler import Reconciler
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.report.acknowledgement import Effect
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, RouteOptions, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxy_driver import FakeDriver

NewRoute = Callable[..., Route]
A, B = Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)
BLUE, GREEN = "books-blue", "books-green"


class World:
    """A store, a catalog and a proxy; C(run) is one pass of its agent."""

    def __init__(self, driver: FakeDriver, settings: Settings) -> None:
        self.driver = driver
        self.index = 10
        self.routes: dict[str, Route | Tombstone] = {}
        self.catalog: dict[str, Sequence[Instance]] = {}
        self._settings = settings
        self.new_agent()

    def new_agent(self) -> None:
        self.reconciler = Reconciler(self.driver, self._settings.paths)

    def write(self, *routes: Route | Tombstone) -> None:
        self.index += 1
        self.routes.update({route.service: route for route in routes})

    def register(self, backend: str, *endpoints: Endpoint) -> None:
        self.catalog[backend] = [
            Instance(str(one), one.address, one.port, "n", True, True, {}, ()) for one in endpoints
        ]

    def intent(self) -> Intent:
        documents = {service: route.to_json() for service, route in self.routes.items()}
        return intend(Written(self.index, documents), self.reconciler.last_good)

    def run(self) -> Effect:
        self.driver.calls.clear()
        return self.reconciler.run(self.intent(), self.catalog.get)

    def servers(self, backend: str) -> dict[str, bool]:
        """Whether it gets requests, by server."""
        return {name: state.up for name, state in self.driver.states[backend].items()}


@pytest.fixture
def world(driver: FakeDriver, settings: Settings, new_route: NewRoute) -> World:
    """Users are on blue, which has two proven servers."""
    made = World(driver, settings)
    made.write(new_route(instances={"blue": 2, "green": 2}))
    made.register(BLUE, A, B)
    made.register(GREEN)
    made.run()
    driver.checks_pass()
    effect = made.run()
    assert made.servers(BLUE) == {str(A): True, str(B): True}
    assert (effect.errors, effect.notes, effect.pending) == ({}, [], False)
    return made


def revisions(effect: Effect) -> Mapping[str, int]:
    return {service: route.revision for service, route in effect.routes.items()}


def test_a_flip_comes_before_all_else_and_needs_no_restructure(world: World, new_route: NewRoute) -> None:
    world.write(new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    effect = world.run()
    assert world.driver.memory == world.driver.disk == {"books": Split("green")}
    assert world.driver.calls[:2] == ["running", "switch"]
    assert "restructure" not in world.driver.calls
    assert revisions(effect) == {"books": 2}


def test_a_new_route_waits_for_its_restructure_and_is_switched_after_it(world: World, new_route: NewRoute) -> None:
    world.write(new_route("records"))
    effect = world.run()
    assert [call for call in world.driver.calls if call in ("switch", "refusal", "restructure", "serve")] == [
        *("switch", "refusal", "restructure", "switch", "serve")
    ]
    assert set(world.driver.memory) == {"books", "records"}
    assert revisions(effect) == {"books": 1, "records": 1}
    assert [generation.current for generation in effect.generations] == [True, *[False] * (len(effect.generations) - 1)]


def test_a_second_pass_changes_nothing(world: World) -> None:
    before = (dict(world.driver.memory), world.servers(BLUE), world.reconciler.last_good)
    world.run()
    assert (world.driver.memory, world.servers(BLUE), world.reconciler.last_good) == before
    assert "restructure" not in world.driver.calls


def test_working_out_what_should_be_changes_nothing(world: World) -> None:
    before = world.reconciler.last_good
    world.index, world.routes = 3, {}
    assert world.intent() == world.intent()
    assert world.reconciler.last_good is before


@pytest.mark.parametrize(
    ("call", "revision"),
    [
        pytest.param("switch", 1, id="the switch"),
        pytest.param("record", 1, id="what a start begins with"),
        pytest.param("serve books-blue", 2, id="a server alone"),
    ],
)
def test_what_fails_is_reported_and_the_next_pass_makes_it_good(
    world: World, new_route: NewRoute, call: str, revision: int
) -> None:
    world.write(new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    world.driver.fails[call] = ProxyError("the disk is full")
    effect = world.run()
    assert revisions(effect) == {"books": revision}
    assert any("the disk is full" in note for note in effect.notes)
    assert ("books" in effect.errors) is (revision == 1)
    world.driver.fails.clear()
    effect = world.run()
    assert (revisions(effect), effect.errors, effect.notes) == ({"books": 2}, {}, [])


def test_one_backends_problem_names_it_and_stops_no_other(world: World, new_route: NewRoute) -> None:
    world.write(new_route("records", instances={"blue": 1}))
    world.register("records-blue", A)
    world.driver.fails["serve books-blue"] = ProxyError("no such server")
    effect = world.run()
    assert effect.notes == ["books-blue: no such server"]
    assert world.servers("records-blue") == {str(A): False}


@pytest.mark.parametrize("call", ["running", "servers", "backends", "generations"])
def test_a_proxy_that_answers_with_errors_ends_the_pass(world: World, call: str) -> None:
    world.driver.fails[call] = ProxyError("no answer in 5 s")
    with pytest.raises(DeliveryError, match="no answer"):
        world.run()


def test_a_proxy_that_is_away_confirms_nothing_new_and_loses_nothing(world: World, new_route: NewRoute) -> None:
    world.driver.away = True
    world.write(new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    effect = world.run()
    assert revisions(effect) == {"books": 1}
    assert effect.errors == {"books": "The fake does not answer"}
    assert effect.generations == ()
    world.driver.restart()
    assert world.driver.memory == {"books": Split("blue")}
    effect = world.run()
    assert (revisions(effect), effect.errors) == ({"books": 2}, {})
    assert world.driver.memory == {"books": Split("green")}


@pytest.mark.parametrize("call", ["switch", "servers", "serve", "record"])
def test_a_proxy_that_goes_away_within_a_pass_confirms_nothing(world: World, new_route: NewRoute, call: str) -> None:
    world.write(new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    world.driver.goes_in = call
    effect = world.run()
    assert revisions(effect) == {"books": 1}
    assert effect.errors == {"books": "The fake does not answer"}
    assert effect.generations == ()


def test_servers_prove_themselves_before_they_count(world: World) -> None:
    world.register(GREEN, A)
    world.run()
    assert world.servers(GREEN) == {str(A): False}
    world.driver.checks_pass()
    world.run()
    assert world.servers(GREEN) == {str(A): True}


def test_a_server_that_left_the_catalog_is_drained_and_looked_at_until_it_is_gone(world: World) -> None:
    world.register(BLUE, A)
    world.driver.open[BLUE, str(B)] = 1
    assert world.run().pending
    assert world.servers(BLUE) == {str(A): True, str(B): False}
    assert world.run().pending
    del world.driver.open[BLUE, str(B)]
    assert not world.run().pending
    assert world.servers(BLUE) == {str(A): True}


def test_an_empty_answer_empties_no_backend_whose_checks_pass(world: World) -> None:
    world.driver.go_down(BLUE, B)
    world.register(BLUE)
    effect = world.run()
    assert str(A) in world.servers(BLUE)
    assert "the last 1 known stay" in effect.notes[0]


def test_a_catalog_that_has_not_answered_yet_leaves_the_servers_to_a_new_agent(world: World) -> None:
    world.catalog.clear()
    world.new_agent()
    effect = world.run()
    assert world.servers(BLUE) == {str(A): True, str(B): True}
    assert effect.notes == []


def test_an_agent_without_files_keeps_the_servers_that_the_proxy_has(world: World, settings: Settings) -> None:
    settings.paths.last_good.unlink()
    world.catalog.clear()
    world.new_agent()
    world.run()
    assert world.servers(BLUE) == {str(A): True, str(B): True}


def test_a_draining_server_stays_without_new_requests(world: World, new_route: NewRoute) -> None:
    world.write(new_route(revision=2, instances={"blue": 2}, draining=(str(A),)))
    world.run()
    assert world.servers(BLUE) == {str(A): False, str(B): True}


def test_a_refused_route_is_named_and_harms_no_other(world: World, new_route: NewRoute) -> None:
    world.driver.refuses["bad"] = "unknown keyword"
    world.write(new_route("bad"), new_route("good"))
    effect = world.run()
    assert effect.errors == {"bad": "The fake does not accept the route of 'bad': unknown keyword"}
    assert revisions(effect) == {"books": 1, "good": 1}


def test_when_nobody_can_be_blamed_alone_all_that_changed_wait(world: World, new_route: NewRoute) -> None:
    world.driver.refuses["a b"] = "too many backends"
    world.write(new_route("a"), new_route("b"))
    effect = world.run()
    assert effect.errors == {"a": "too many backends", "b": "too many backends"}
    assert revisions(effect) == {"books": 1}


def test_what_was_refused_is_not_asked_again_until_it_may_be(world: World, new_route: NewRoute) -> None:
    world.driver.refuses["bad"] = "unknown keyword"
    world.write(new_route("bad"))
    first = world.run()
    second = world.run()
    assert "refusal" not in world.driver.calls
    assert second.errors == first.errors
    del world.driver.refuses["bad"]
    world.reconciler.retry_refused()
    effect = world.run()
    assert (effect.errors, revisions(effect)) == ({}, {"books": 1, "bad": 1})


def test_options_that_are_refused_leave_the_last_good_ones(world: World, new_route: NewRoute) -> None:
    before = world.driver.structure_of(world.driver.loaded.values())
    world.driver.refuses["books"] = "out of range"
    world.write(new_route(revision=2, options=RouteOptions(retries=9), instances={"blue": 2, "green": 2}))
    effect = world.run()
    assert revisions(effect) == {"books": 1}
    assert "out of range" in effect.errors["books"]
    assert world.driver.structure_of(world.driver.loaded.values()) == before
    assert "restructure" not in world.driver.calls


def test_a_restructure_that_fails_is_undone_and_the_switch_made_whole(world: World, new_route: NewRoute) -> None:
    world.driver.fails["restructure"] = ProxyError("cannot bind")
    world.write(new_route("records"))
    effect = world.run()
    assert world.driver.calls.count("switch") == 2
    assert world.driver.disk == world.driver.memory == {"books": Split("blue")}
    assert effect.errors == {"records": "cannot bind"}
    assert "cannot bind" in effect.notes
    assert revisions(effect) == {"books": 1}
    again = world.run()
    assert (again.notes, again.errors) == (effect.notes, effect.errors), "told as long as it is not tried again"


def test_a_flip_works_while_a_restructure_is_refused(world: World, new_route: NewRoute) -> None:
    world.driver.fails["restructure"] = ProxyError("cannot bind")
    world.write(new_route("records"))
    world.run()
    world.write(new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    effect = world.run()
    assert world.driver.memory == {"books": Split("green")}
    assert revisions(effect) == {"books": 2}


def test_a_removed_route_is_forgotten(world: World) -> None:
    world.write(Tombstone("books", 2))
    effect = world.run()
    assert (effect.routes, effect.errors, effect.removed, world.driver.memory) == ({}, {}, {"books": 2}, {})


@pytest.mark.parametrize("call", ["restructure", "switch"])
def test_a_removal_that_is_undone_is_not_confirmed(world: World, call: str) -> None:
    world.write(Tombstone("books", 2))
    world.driver.fails[call] = ProxyError("disk full")
    for _pass in range(2):
        effect = world.run()
        assert (revisions(effect), effect.removed) == ({"books": 1}, {})
        assert effect.errors == {"books": "the route could not be removed: disk full"}
    world.driver.fails.clear()
    world.reconciler.retry_refused()
    effect = world.run()
    assert (effect.routes, effect.errors, effect.removed) == ({}, {}, {"books": 2})


def test_a_removal_that_is_older_than_what_is_in_effect_is_history(world: World, new_route: NewRoute) -> None:
    world.write(new_route(revision=3, instances={"blue": 2}))
    world.run()
    world.write(Tombstone("books", 2))
    effect = world.run()
    assert (revisions(effect), effect.removed) == ({"books": 3}, {})
    assert "removed by revision 2, older than 3, which is in effect here and stays" in effect.errors["books"]


def test_a_release_after_a_removal(world: World, new_route: NewRoute) -> None:
    world.write(Tombstone("books", 2))
    world.run()
    world.write(new_route(revision=3, instances={"blue": 2}))
    effect = world.run()
    assert (revisions(effect), effect.removed) == ({"books": 3}, {})


def test_a_removal_that_was_written_while_the_agent_was_off(world: World) -> None:
    world.write(Tombstone("books", 2))
    world.index = 3  # Consul has forgotten deletions since: its index is lower than the agent ever saw
    world.new_agent()
    effect = world.run()
    assert (effect.routes, effect.removed, effect.notes) == ({}, {"books": 2}, [])


def test_a_removal_while_the_proxy_is_away_is_not_confirmed_before_it_is_back(world: World) -> None:
    world.write(Tombstone("books", 2))
    world.driver.away = True
    assert world.run().removed == {}
    world.driver.restart()
    assert world.run().removed == {"books": 2}


def test_a_route_that_the_store_lost_stays_and_is_told(world: World) -> None:
    world.routes = {}
    effect = world.run()
    assert (revisions(effect), effect.lost, effect.removed) == ({"books": 1}, {"books"}, {})
    (note,) = effect.notes
    assert note.startswith("Consul has lost the route of 'books', the last known one stays: ")
    assert "playbooks/adopt.yml" in note
    assert "playbooks/remove.yml" in note
    assert world.driver.memory == {"books": Split("blue")}


@pytest.mark.parametrize("others", [True, False])
def test_a_lost_route_stays_when_nothing_runs_for_a_while(world: World, new_route: NewRoute, others: bool) -> None:
    """What runs may be about to come back, and the proxies have the last copy of its route."""
    world.routes = {}
    if others:
        world.write(new_route("other"))
    world.register(BLUE)
    for endpoint in (A, B):
        world.driver.go_down(BLUE, endpoint)
    world.run()
    effect = world.run()
    assert ("books" in effect.routes, "books" in effect.lost, "books" in world.driver.memory) == (True, True, True)


def test_what_is_in_effect_survives_the_agent(world: World, settings: Settings) -> None:
    good = LastGood.read(settings.paths.last_good)
    assert good == world.reconciler.last_good
    assert good.servers == {BLUE: (A, B)}


def test_what_cannot_be_remembered_is_not_in_effect_and_what_users_get_is_told(
    world: World, new_route: NewRoute, settings: Settings
) -> None:
    settings.paths.last_good.unlink()
    settings.paths.last_good.mkdir()
    world.write(new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    effect = world.run()
    assert revisions(effect) == {"books": 1}
    assert "last-good.json cannot be written" in effect.errors["books"]
    assert effect.live == {"books": "green"}
    settings.paths.last_good.rmdir()
    effect = world.run()
    assert (revisions(effect), effect.errors, effect.live) == ({"books": 2}, {}, {})


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def no_room(*_unused: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    return monkeypatch


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"instances": {"blue": 2, "green": 3}}, id="a candidate is prepared"),
        pytest.param({"split": Split("green")}, id="a flip"),
        pytest.param({"options": RouteOptions(retries=9)}, id="an option"),
        pytest.param({"service": "records"}, id="a new service"),
    ],
)
def test_without_room_on_the_disk_nothing_changes(
    world: World, new_route: NewRoute, full_disk: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    route = new_route(**{"revision": 2, "instances": {"blue": 2, "green": 2}, **change})
    world.write(route)
    effect = world.run()
    assert revisions(effect) == {"books": 1}
    assert list(effect.errors) == [route.service]
    assert "cannot be written on this proxy: No space left on device" in effect.errors[route.service]
    assert effect.written[route.service] == 2
    assert world.driver.memory == {"books": Split("blue")}
    assert "restructure" not in world.driver.calls
    full_disk.undo()
    effect = world.run()
    assert (revisions(effect)[route.service], effect.errors) == (2, {})


def test_without_room_on_the_disk_nothing_is_removed(world: World, full_disk: pytest.MonkeyPatch) -> None:
    world.write(Tombstone("books", 2))
    effect = world.run()
    assert (revisions(effect), effect.removed) == ({"books": 1}, {})
    assert effect.errors["books"].startswith("the route could not be removed: ")
    assert world.driver.memory == {"books": Split("blue")}, "not for a moment"
    full_disk.undo()
    assert world.run().removed == {"books": 2}


def test_without_room_and_without_files_what_runs_goes_on(
    world: World, settings: Settings, full_disk: pytest.MonkeyPatch
) -> None:
    settings.paths.last_good.unlink()
    world.new_agent()
    world.run()
    assert world.driver.memory == {"books": Split("blue")}


def test_a_full_disk_is_no_refusal_and_tried_again(world: World, new_route: NewRoute) -> None:
    world.driver.fails["restructure"] = DiskError("haproxy.cfg cannot be written on this proxy")
    world.write(new_route("records"))
    assert world.run().errors == {"records": "haproxy.cfg cannot be written on this proxy"}
    world.driver.fails.clear()
    effect = world.run()
    assert (revisions(effect), effect.errors) == ({"books": 1, "records": 1}, {})


def test_refused_options_take_their_split_along(world: World, new_route: NewRoute) -> None:
    world.driver.refuses["books"] = "out of range"
    world.driver.switched.clear()
    both = {"blue": 2, "green": 2}
    world.write(new_route(revision=2, options=RouteOptions(retries=9), split=Split("green"), instances=both))
    for _again in range(2):
        effect = world.run()
        assert world.driver.memory == world.driver.disk == {"books": Split("blue")}
        assert revisions(effect) == {"books": 1}
    assert {split["books"].live for split in world.driver.switched} == {"blue"}, "nor for a moment"


def test_a_switch_that_fails_after_an_undone_restructure_is_told(
    world: World, new_route: NewRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restructure(*_unused: object) -> None:
        world.driver.fails["switch"] = ProxyError("no such map")
        raise ProxyError("cannot bind")

    monkeypatch.setattr(world.driver, "restructure", restructure)
    world.write(new_route("records"), new_route(revision=2, split=Split("green"), instances={"blue": 2, "green": 2}))
    effect = world.run()
    assert revisions(effect) == {"books": 1}
    assert effect.errors == {"records": "cannot bind", "books": "no such map"}
    assert effect.live == {"books": "green"}
