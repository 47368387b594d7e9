# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One comparison and its application: which containers stand in Consul afterwards, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.node_catalog import FakeCatalog
from ansible_collections.dockerflow.delivery.tests.unit.fakes.registrator_scene import FOREIGN, NOW, Comparisons


def test_what_runs_is_registered_once(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    app = engine.run("app")
    outcome = run.run(set(), NOW)
    assert (outcome.ok, outcome.containers, outcome.services, outcome.skipped) == (True, 1, 1, 0)
    (service,) = catalog.services.values()
    assert (service["Service"], service["Address"], service["Port"]) == ("app", "10.0.0.1", engine.port(app))
    assert said() == [f"+ node-1:app:{engine.port(app)} app 10.0.0.1:{engine.port(app)}"]
    assert run.run(set(), NOW).services == 1
    assert len(catalog.calls) == 1
    assert said() == []


GONE: list[Any] = [
    pytest.param(lambda engine, app: engine.remove(app), "gone", id="removed"),
    pytest.param(lambda engine, app: engine.die(app), "gone", id="exited"),
    pytest.param(lambda engine, app: engine.change(app, Paused=True), "paused", id="paused"),
    pytest.param(lambda engine, app: engine.change(app, Restarting=True), "restarting", id="restarting"),
    pytest.param(lambda engine, app: engine.change(app, Health={"Status": "unhealthy"}), "unhealthy", id="unhealthy"),
]


@pytest.mark.parametrize(("happens", "reason"), GONE)
def test_what_must_not_serve_is_taken_out_and_why(
    engine: FakeDocker,
    catalog: FakeCatalog,
    run: Comparisons,
    said: Callable[[], list[str]],
    happens: Callable[[FakeDocker, str], None],
    reason: str,
) -> None:
    app = engine.run("app")
    run.run(set(), NOW)
    said()
    happens(engine, app)
    assert run.run(set(), NOW).services == 0
    assert catalog.services == {}
    assert [line.rpartition(" ")[2] for line in said()] == [f"({reason})"]


def moved(engine: FakeDocker, app: str) -> None:
    engine.documents[app]["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"] = "40000"


def taken(engine: FakeDocker, app: str) -> None:
    other = engine.run("other", "PATH=/bin")
    ports = engine.documents[other]["NetworkSettings"]["Ports"]["8080/tcp"]
    ports[0]["HostPort"] = str(engine.port(app))
    engine.change(other, StartedAt="2100-01-01T00:00:00Z")


def unreadable(engine: FakeDocker, app: str) -> None:
    engine.documents[app]["NetworkSettings"]["Ports"] = {"web": [{"HostIp": "", "HostPort": "1"}]}


THERE: list[Any] = [
    pytest.param(moved, "(no longer asked for, or another's port)", id="on another port"),
    pytest.param(taken, "(no longer asked for, or another's port)", id="its port is another's"),
    pytest.param(unreadable, "(it can no longer be read)", id="unreadable"),
]


@pytest.mark.parametrize(("happens", "reason"), THERE)
def test_a_container_that_is_there_is_not_called_gone(
    engine: FakeDocker,
    run: Comparisons,
    said: Callable[[], list[str]],
    happens: Callable[[FakeDocker, str], None],
    reason: str,
) -> None:
    app = engine.run("app")
    run.run(set(), NOW)
    said()
    happens(engine, app)
    run.run({app}, NOW)
    assert [line.partition(" app ")[2] for line in said() if line.startswith("- ")] == [reason]


def test_an_address_is_not_registered_for_two(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    old = engine.run("old")
    run.run(set(), NOW)
    taken(engine, old)
    said()
    for _time in range(2):
        assert run.run(set(), NOW).services == 0
        assert catalog.services == {}
    where = f"10.0.0.1:{engine.port(old)}"
    warned = [line for line in said() if "answers" in line]
    assert warned == [f"old: at {where} container 6f7468657200 answers, so app is not registered there"]


def test_a_container_that_dies_between_list_and_inspection_does_not_hold_up_the_others(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    engine.vanishing.add(engine.run("dies"))
    stays = engine.run("stays")
    outcome = run.run(set(), NOW)
    assert (outcome.ok, outcome.containers, outcome.skipped) == (True, 1, 0)
    assert catalog.addresses("app") == {engine.port(stays)}
    assert len(said()) == 1


def test_a_container_that_was_told_to_stop_is_out_while_it_still_runs(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    app = engine.run("app")
    run.run(set(), NOW)
    run.told_to_stop(app)
    outcome = run.run(set(), NOW + 1)
    assert catalog.services == {}
    assert said()[-1].endswith("(told to stop)")
    # It ignored the signal: after its grace time it serves again, and the outcome says when that is.
    assert outcome.expiry == NOW + 31
    outcome = run.run(set(), NOW + 31)
    assert catalog.addresses("app") == {engine.port(app)}
    assert outcome.expiry is None


def test_the_first_of_several_grace_times_is_the_expiry(engine: FakeDocker, run: Comparisons) -> None:
    for name, timeout in (("late", 20), ("early", 5), ("latest", None)):
        run.told_to_stop(engine.run(name, StopTimeout=timeout))
    assert run.run(set(), NOW).expiry == NOW + 6


def test_a_mark_goes_with_its_container(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    app = engine.run("app")
    run.told_to_stop(app)
    document = engine.documents[app]
    engine.remove(app)
    run.run(set(), NOW)
    engine.documents[app] = {**document, "State": {"Running": True}}
    run.run(set(), NOW)
    assert catalog.addresses("app") == {engine.port(app)}


def test_a_container_may_stay_until_it_exits(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    app = engine.run("app", "SERVICE_NAME=app", "SERVICE_DRAIN=false")
    run.told_to_stop(app)
    outcome = run.run(set(), NOW)
    assert catalog.addresses("app") == {engine.port(app)}
    assert outcome.expiry is None


STRANGE: list[Any] = [
    pytest.param({"NetworkSettings": {"Ports": {"many/tcp": [{"HostPort": "1"}]}}}, "cannot be read", id="unreadable"),
    pytest.param(
        {"NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "somewhere", "HostPort": "1"}]}}},
        "cannot be registered: ValueError",
        id="bound to no address",
    ),
]


@pytest.mark.parametrize(("changes", "problem"), STRANGE)
def test_a_strange_container_does_not_hold_up_the_others(
    engine: FakeDocker,
    catalog: FakeCatalog,
    run: Comparisons,
    said: Callable[[], list[str]],
    changes: dict[str, Any],
    problem: str,
) -> None:
    strange = engine.run("strange")
    engine.documents[strange] |= changes
    stays = engine.run("stays")
    for _time in range(2):
        outcome = run.run(set(), NOW)
        assert (outcome.ok, outcome.services, outcome.skipped) == (True, 1, 1)
    assert catalog.addresses("app") == {engine.port(stays)}
    warnings = [line for line in said() if line.startswith("container ")]
    assert [line.startswith(f"container {strange[:12]} {problem}") for line in warnings] == [True], "and said once"


def test_warnings_about_a_container_are_said_once(
    engine: FakeDocker, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    engine.run("app", "SERVICE_NAME=my.app")
    for _time in range(2):
        run.run(set(), NOW)
    assert [line for line in said() if "DNS" in line] == ["app: the service name 'my.app' cannot be looked up by DNS"]


def test_an_event_is_believed_before_the_list(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    app = engine.run("app")
    run.run(set(), NOW)
    engine.frozen = engine.rows()
    engine.die(app)
    run.run(set(), NOW)
    assert catalog.addresses("app") == {engine.port(app)}, "the list says that it runs"
    run.run({app}, NOW)
    assert catalog.services == {}


def test_dry_run_says_what_it_would_do(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    old = engine.run("old")
    run.run(set(), NOW)
    said()
    before = dict(catalog.services)
    engine.die(old)
    new = engine.run("new")
    outcome = Comparisons(catalog, dry_run=True).run(set(), NOW)
    assert (outcome.ok, outcome.services, outcome.skipped) == (True, 1, 0)
    assert catalog.services == before
    assert said() == [
        f"would do: - node-1:old:{engine.port(old)} app (gone)",
        f"would do: + node-1:new:{engine.port(new)} app 10.0.0.1:{engine.port(new)}",
    ]


def test_withdraw_takes_out_all_of_this_node_and_nothing_else(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    for name in ("one", "two"):
        engine.run(name)
    run.run(set(), NOW)
    catalog.services["vault"] = dict(FOREIGN)
    said()
    # It needs no Docker: the services of a node whose engine is gone can be withdrawn.
    engine.stop()
    assert Comparisons(catalog).withdraw()
    assert list(catalog.services) == ["vault"]
    assert {line.rpartition(" ")[2] for line in said()} == {"(withdrawn)"}


def test_warnings_are_forgotten_before_they_pile_up(
    engine: FakeDocker, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    engine.run("app", "SERVICE_NAME=my.app")
    run.run(set(), NOW)
    for number in range(1000):
        name = f"short-{number}"
        container = engine.run(name, "SERVICE_NAME=a.b")
        run.run(set(), NOW)
        del engine.documents[container]
    said()
    run.run(set(), NOW)
    assert [line for line in said() if "DNS" in line] == ["app: the service name 'my.app' cannot be looked up by DNS"]
