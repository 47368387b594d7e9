# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent over time: events, lists that lag behind, regular comparisons, signals. Time is scripted, nobody waits."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.comparison import Outcome
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrator import write_health
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.node_catalog import FakeCatalog
from ansible_collections.dockerflow.delivery.tests.unit.fakes.registrator_scene import Scene
from ansible_collections.dockerflow.delivery.tests.unit.fakes.scripted_time import ScriptedTime

# -- once and withdraw -------------------------------------------------------------------------------------------------


def test_once(scene: Scene, engine: FakeDocker, catalog: FakeCatalog, time: ScriptedTime) -> None:
    app = engine.run("app")
    assert scene.agent().once() == 0
    assert catalog.addresses("app") == {engine.port(app)}
    assert scene.health() == {
        "ok": True,
        "time": time.time(),
        "containers": 1,
        "services": 1,
        "skipped": 0,
        "error": None,
    }


def test_once_knows_what_was_told_to_stop_before(scene: Scene, engine: FakeDocker, catalog: FakeCatalog) -> None:
    engine.kill(engine.run("stops"))
    serves = engine.run("serves")
    scene.time.now += 10
    assert scene.agent().once() == 0
    assert catalog.addresses("app") == {engine.port(serves)}


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        pytest.param(lambda scene: scene.engine.stop(), "docker_host", id="Docker"),
        pytest.param(lambda scene: setattr(scene.catalog, "silent", True), "consul_addresses", id="Consul"),
    ],
)
def test_once_fails_and_says_why(scene: Scene, trouble: Callable[[Scene], None], error: str) -> None:
    trouble(scene)
    assert scene.agent().once() == 1
    health = scene.health()
    assert (health["ok"], health["error"].partition(" ")[0].rstrip(":")) == (False, error)


def test_withdraw(scene: Scene, engine: FakeDocker, catalog: FakeCatalog) -> None:
    engine.run("app")
    scene.agent().once()
    catalog.silent = True
    assert scene.agent().withdraw() == 1
    catalog.silent = False
    assert scene.agent().withdraw() == 0
    assert catalog.services == {}


# -- following Docker --------------------------------------------------------------------------------------------------


def test_events_take_effect_at_once(scene: Scene, engine: FakeDocker) -> None:
    app = engine.run("app")
    scene.time.after(10, lambda: engine.run("born"))
    scene.time.after(20, lambda: engine.kill(app))
    scene.look(0.001, 10.001, 20.001)
    assert scene.run(30) == 0
    one, two = engine.port(app), engine.port(app) + 1
    assert scene.seen == {0.001: {one}, 10.001: {one, two}, 20.001: {two}}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal_and_leaves_its_services(
    scene: Scene, engine: FakeDocker, catalog: FakeCatalog, number: signal.Signals
) -> None:
    app = engine.run("app")
    started = scene.time.now
    assert scene.run(7.5, number=number) == 0
    assert scene.time.now == started + 7.5
    assert catalog.addresses("app") == {engine.port(app)}


def test_told_to_take_its_services_along(scene: Scene, engine: FakeDocker, catalog: FakeCatalog) -> None:
    engine.run("app")
    assert scene.run(5, "--deregister-on-exit") == 0
    assert catalog.services == {}


def test_told_to_take_its_services_along_while_consul_is_away(
    scene: Scene, engine: FakeDocker, catalog: FakeCatalog
) -> None:
    scene.time.after(4, lambda: setattr(catalog, "silent", True))
    engine.run("app")
    assert scene.run(5, "--deregister-on-exit") == 1


def test_sighup_compares_at_once(scene: Scene, engine: FakeDocker, catalog: FakeCatalog) -> None:
    app = engine.run("app")
    scene.time.after(5, catalog.services.clear)
    scene.time.after(8, lambda: signal.raise_signal(signal.SIGHUP))
    scene.look(7.9, 8.001)
    scene.run(10)
    assert scene.seen == {7.9: set(), 8.001: {engine.port(app)}}


def test_what_changes_without_an_event_is_found_regularly(
    scene: Scene, engine: FakeDocker, catalog: FakeCatalog
) -> None:
    app = engine.run("app")
    scene.time.after(15, catalog.services.clear)
    scene.look(19.5, 22)
    scene.run(30, "--resync", "10")
    assert scene.seen == {19.5: set(), 22: {engine.port(app)}}


def test_many_events_are_one_comparison(scene: Scene, engine: FakeDocker, catalog: FakeCatalog) -> None:
    def many() -> None:
        for number in range(50):
            engine.run(f"app-{number}")

    scene.time.after(10, many)
    scene.time.after(9.9, lambda: setattr(catalog, "reads", 0))
    scene.run(20)
    assert len(catalog.services) == 50
    assert catalog.reads == 3, "at once and twice more a little later"


def test_an_event_beats_a_list_that_lags_behind(scene: Scene, engine: FakeDocker) -> None:
    dies = engine.run("dies")

    def happen() -> None:
        engine.frozen = engine.rows()
        engine.die(dies)
        engine.run("born")

    scene.time.after(10, happen)
    scene.time.after(11.5, lambda: setattr(engine, "frozen", None))
    scene.look(10.001, 10.2, 11.4, 20)
    scene.run(30)
    assert scene.seen == {moment: {engine.port(dies) + 1} for moment in (10.001, 10.2, 11.4, 20)}


def test_a_container_that_ignores_its_stop_signal_serves_again_after_its_grace_time(
    scene: Scene, engine: FakeDocker
) -> None:
    app = engine.run("app", StopTimeout=20)
    scene.time.after(10, lambda: engine.kill(app))
    scene.look(10.001, 30.9, 31.1)
    scene.run(40)
    assert scene.seen == {10.001: set(), 30.9: set(), 31.1: {engine.port(app)}}


# -- starting ----------------------------------------------------------------------------------------------------------


def test_a_signal_from_before_the_start_is_as_old_as_it_is(scene: Scene, engine: FakeDocker) -> None:
    app = engine.run("app", StopTimeout=20)
    engine.kill(app)
    scene.time.now += 15
    scene.look(0.001, 5.9, 6.1)
    scene.run(10)
    assert scene.seen == {0.001: set(), 5.9: set(), 6.1: {engine.port(app)}}


@pytest.mark.parametrize(
    ("history_after", "calls"),
    [
        pytest.param(1.5, [], id="soon enough: it never comes back"),
        pytest.param(3.0, ["+", "-"], id="too late: serving goes on without it"),
    ],
)
def test_the_first_comparison_waits_a_little_for_what_was_told_to_stop(
    scene: Scene, engine: FakeDocker, catalog: FakeCatalog, history_after: float, calls: list[str]
) -> None:
    engine.kill(engine.run("stops"))
    scene.history_after = history_after
    scene.run(5)
    assert [call[0] for call in catalog.calls] == calls


def test_a_restart_changes_nothing(scene: Scene, engine: FakeDocker, catalog: FakeCatalog) -> None:
    engine.run("app")
    engine.kill(engine.run("stops"))
    scene.run(5)
    before = list(catalog.calls)
    scene.run(5)
    assert catalog.calls == before


# -- the health file ---------------------------------------------------------------------------------------------------


def test_the_health_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "health"
    for error in ("first", None):
        write_health(path, Outcome(ok=error is None, error=error))
    assert [file.name for file in tmp_path.iterdir()] == ["health"]
    assert path.read_text().startswith('{"ok": true, ')


@pytest.mark.parametrize(
    "path", [pytest.param(None, id="none wanted"), pytest.param(Path("/nowhere/health"), id="no place for it")]
)
def test_a_health_file_that_cannot_be_written_stops_nothing(path: Path | None) -> None:
    write_health(path, Outcome(ok=True))
