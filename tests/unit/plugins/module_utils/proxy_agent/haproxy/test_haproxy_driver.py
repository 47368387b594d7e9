# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver against a command line that answers as HAProxy does."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import (
    Check,
    Generation,
    ProxyAwayError,
    Refusal,
    Served,
    Wanted,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_driver import (
    HaproxyDriver,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_files import HaproxyFiles
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, RouteOptions, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.haproxy_cli import CliHaproxy, CliServer

NewRoute = Callable[..., Route]
A, B = Endpoint("10.0.0.1", 1), Endpoint("fd00::1", 2)
BLUE = "books-blue"


def names(haproxy: CliHaproxy) -> set[str]:
    """What the map of shares has in memory."""
    return {f"{key} {value}" for key, value in haproxy.current.maps[str(haproxy.files.split_map)]}


def test_generations_are_the_workers(haproxy_driver: HaproxyDriver, haproxy: CliHaproxy) -> None:
    haproxy.start_worker()
    assert haproxy_driver.generations() == (Generation(22, True, "3.0.11"), Generation(21, False, "3.0.11"))


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda driver: driver.running(), id="running"),
        pytest.param(lambda driver: driver.generations(), id="generations"),
        pytest.param(lambda driver: driver.restructure([], {}), id="restructure"),
        pytest.param(lambda driver: driver.counts([Generation(21, True, "3.0.11")]), id="counts"),
    ],
)
def test_without_haproxy_nothing_is_assumed(
    haproxy_driver: HaproxyDriver, call: Callable[[HaproxyDriver], object]
) -> None:
    with pytest.raises(ProxyAwayError, match="HAProxy does not answer"):
        call(haproxy_driver)


def test_a_worker_that_was_replaced_and_has_ended_changes_nothing_any_more(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, new_route: NewRoute
) -> None:
    running = haproxy_driver.running()
    haproxy.start_worker()
    del haproxy.workers[1]
    with pytest.raises(ProxyAwayError, match="worker 21 of HAProxy is gone"):
        running.switch([new_route(split=Split("green"))])
    assert names(haproxy) == {"books blue::0"}


def test_a_switch_is_in_memory_and_on_disk(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, files: HaproxyFiles, new_route: NewRoute
) -> None:
    haproxy_driver.running().switch([new_route(split=Split("green", "blue", 7))])
    assert names(haproxy) == {"books green:blue:7"}
    assert files.split_map.read_text() == "books green:blue:7\n"


def test_a_switch_that_the_disk_does_not_take_is_none_in_memory_either(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, new_route: NewRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    running = haproxy_driver.running()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DeliveryError, match="No space left"):
        running.switch([new_route(split=Split("green"))])
    assert names(haproxy) == {"books blue::0"}


def test_a_route_without_backends_waits(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, files: HaproxyFiles, new_route: NewRoute
) -> None:
    haproxy_driver.running().switch([new_route(), new_route("records")])
    assert names(haproxy) == {"books blue::0"}
    assert "records" not in files.routes_map.read_text()


def test_a_restructure_brings_another_worker_with_all_routes(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, new_route: NewRoute
) -> None:
    routes = [new_route(), new_route("records")]
    assert haproxy_driver.running().structure() != haproxy_driver.structure_of(routes)
    running = haproxy_driver.restructure(routes, {})
    assert running.structure() == haproxy_driver.structure_of(routes)
    assert running.backends() >= {"records-blue", "records-green"}
    assert names(haproxy) == {"books blue::0", "records blue::0"}
    assert len(haproxy.workers) == 2


@pytest.mark.parametrize(
    ("routes", "refusal"),
    [
        pytest.param(["books"], None, id="fine"),
        pytest.param(["books", "bad"], Refusal("haproxy -c", "config : unknown keyword"), id="refused"),
    ],
)
def test_what_haproxy_has_against_routes(
    haproxy_driver: HaproxyDriver,
    files: HaproxyFiles,
    new_route: NewRoute,
    routes: list[str],
    refusal: Refusal | None,
) -> None:
    assert haproxy_driver.refusal([new_route(name) for name in routes]) == refusal
    assert not files.candidate.exists()
    assert all(path.exists() for path in files.maps), "haproxy -c reads them"


def test_asking_leaves_what_is_in_the_maps(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, files: HaproxyFiles, new_route: NewRoute
) -> None:
    haproxy_driver.refusal([new_route("records")])
    assert files.split_map.read_text() == "books blue::0\n"


def test_open_requests_are_those_of_all_workers_and_up_is_what_the_current_one_says(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy
) -> None:
    haproxy.current.servers[BLUE]["x"] = CliServer("10.0.0.1:1", running=2, admin=0, check=6, open=2)
    haproxy.start_worker()
    haproxy.current.servers[BLUE]["x"] = CliServer("10.0.0.1:1", running=0, admin=0, check=6, open=3)
    generations = haproxy_driver.generations()
    counts = haproxy_driver.counts(generations)
    assert (counts.open[BLUE], counts.servers[BLUE, "x"], counts.up) == (5, 5, {})
    del haproxy.workers[1]
    assert haproxy_driver.counts(generations).open[BLUE] == 3
    haproxy.workers.clear()
    with pytest.raises(ProxyAwayError):
        haproxy_driver.counts(generations)


def test_a_new_server_gets_nothing_until_its_checks_passed(haproxy_driver: HaproxyDriver, haproxy: CliHaproxy) -> None:
    running = haproxy_driver.running()
    assert running.serve({BLUE: Wanted([A, B])}, running.servers()) == Served()
    states = running.servers()[BLUE]
    assert {name: (state.place, state.up) for name, state in states.items()} == {
        haproxy_driver.server_name(A): ("10.0.0.1:1", False),
        haproxy_driver.server_name(B): ("[fd00::1]:2", False),
    }
    haproxy.checks_pass()
    assert all(state.up and state.proven for state in running.servers()[BLUE].values())


def test_a_server_that_goes_is_drained_and_then_removed(haproxy_driver: HaproxyDriver, haproxy: CliHaproxy) -> None:
    running = haproxy_driver.running()
    running.serve({BLUE: Wanted([A])}, {})
    haproxy.checks_pass()
    server = haproxy.current.servers[BLUE][haproxy_driver.server_name(A)]
    server.open = 1
    wanted = {BLUE: Wanted([])}
    pending = []
    for requests in (1, 1, 0, 0):
        server.open = requests
        pending.append(running.serve(wanted, running.servers()).pending)
    assert pending == [True, True, False, False]
    assert haproxy.current.servers[BLUE] == {}


def test_one_backends_problem_stops_no_other_and_one_that_is_missing_is_passed_over(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy
) -> None:
    running = haproxy_driver.running()
    running.serve({BLUE: Wanted([A])}, {})
    seen = running.servers()
    haproxy.current.servers[BLUE].clear()
    wanted = {BLUE: Wanted([]), "books-green": Wanted([B]), "records-blue": Wanted([A])}
    served = running.serve(wanted, seen)
    assert list(served.problems) == [BLUE]
    assert "No such server" in served.problems[BLUE]
    assert haproxy_driver.server_name(B) in haproxy.current.servers["books-green"]
    assert "records-blue" not in haproxy.current.servers


@pytest.mark.parametrize(
    ("route", "recorded"),
    [
        pytest.param({}, True, id="of the structure in force"),
        pytest.param({"options": RouteOptions(retries=9)}, False, id="of another structure"),
    ],
)
def test_what_a_start_begins_with_has_the_servers_that_are_up(
    haproxy_driver: HaproxyDriver,
    haproxy: CliHaproxy,
    files: HaproxyFiles,
    new_route: NewRoute,
    route: dict[str, object],
    recorded: bool,
) -> None:
    running = haproxy_driver.running()
    running.serve({BLUE: Wanted([A])}, {})
    haproxy.checks_pass()
    running.record([new_route(**route)], {BLUE: [A, B]}, running.servers())
    lines = [line.strip() for line in files.config.read_text().splitlines() if line.startswith("    server ")]
    assert [line for line in lines if "successor" not in line] == ["server 10.0.0.1_1 10.0.0.1:1"] * recorded


@pytest.mark.parametrize(
    ("prepare", "startable"),
    [
        pytest.param(None, False, id="nothing was written before"),
        pytest.param("books", True, id="good files"),
        pytest.param("bad", False, id="files that HAProxy refuses"),
    ],
)
def test_whether_it_would_start(
    haproxy_driver: HaproxyDriver, files: HaproxyFiles, new_route: NewRoute, prepare: str | None, startable: bool
) -> None:
    if prepare is not None:
        haproxy_driver.write_start([new_route(prepare)], {})
    files.server_state.write_text("1\n# of a reload that nobody finished\n")
    assert haproxy_driver.startable() is startable
    assert "of a reload" not in files.server_state.read_text()


def test_the_files_of_a_start_are_private_and_complete(
    haproxy_driver: HaproxyDriver, files: HaproxyFiles, new_route: NewRoute
) -> None:
    haproxy_driver.write_start([new_route()], {BLUE: [A]})
    written = [files.config, files.server_state, *files.maps]
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o600] * len(written)
    assert "server 10.0.0.1_1 10.0.0.1:1" in files.config.read_text()
    assert files.routes_map.read_text() == "*/books/ books\n"


def test_it_becomes_haproxys_master(
    haproxy_driver: HaproxyDriver, files: HaproxyFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _program, arguments: executed.append(arguments))
    haproxy_driver.become()
    socket = f"{files.master_socket},mode,600,level,admin"
    assert executed == [[str(tmp_path / "haproxy"), "-W", "-S", socket, "-f", str(files.config)]]


def test_what_a_failing_check_got_is_counted_and_kept_while_the_next_one_is_on_its_way(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy
) -> None:
    haproxy_driver.running().serve({BLUE: Wanted([A])}, {})
    server = haproxy.current.servers[BLUE]["10.0.0.1_1"]
    for server.got in ("L4CON,,Connection refused", "* L4CON,,"):
        counts = haproxy_driver.counts(haproxy_driver.generations())
        assert counts.failing == {(BLUE, "10.0.0.1_1"): Check("refused", "connection refused")}
    haproxy.checks_pass()
    assert haproxy_driver.counts(haproxy_driver.generations()).failing == {}


def test_what_users_get_is_what_the_memory_says(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, new_route: NewRoute
) -> None:
    haproxy_driver.running().switch([new_route(split=Split("green", "blue", 5))])
    assert haproxy_driver.running().live() == {"books": "green"}
