# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent over time while Consul or Docker is away, and when they are back. Time is scripted, nobody waits."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.node_catalog import FakeCatalog
from ansible_collections.dockerflow.delivery.tests.unit.fakes.registrator_scene import Scene


def test_consul_is_away_for_a_while(
    scene: Scene, engine: FakeDocker, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = scene.time.now
    attempts: list[float] = []

    def read() -> dict[str, dict[str, Any]]:
        attempts.append(round(scene.time.now - begin, 3))
        return FakeCatalog.agent_services(catalog)

    monkeypatch.setattr(catalog, "agent_services", read)
    dies = engine.run("dies")

    def away() -> None:
        catalog.silent = True
        engine.remove(dies)

    scene.time.after(10, away)
    scene.time.after(12, lambda: engine.run("born"))
    scene.time.after(30, lambda: setattr(catalog, "silent", False))
    scene.time.after(29, lambda: scene.seen.update({0: {scene.health()["ok"]}}))
    scene.look(29, 33)
    scene.run(40)
    # The event at 12 does not shorten the pause.
    assert [moment for moment in attempts if moment >= 10][:8] == [10, 10.25, 10.75, 11.75, 13.75, 17.75, 22.75, 27.75]
    assert scene.seen == {0: {False}, 29: {engine.port(dies)}, 33: {engine.port(dies) + 1}}
    assert scene.health()["ok"]


def test_the_engine_is_away_while_one_dies_and_one_is_born(scene: Scene, engine: FakeDocker) -> None:
    dies, stays = engine.run("dies"), engine.run("stays")
    one, two = engine.port(dies), engine.port(stays)

    def away() -> None:
        engine.stop()
        engine.remove(dies)
        engine.run("born")

    scene.time.after(10, away)
    scene.time.after(20, engine.start)
    # Without the regular comparison nobody asks Docker, and what it said last stays registered.
    scene.look(19, 20.001)
    scene.run(30)
    assert scene.seen == {19: {one, two}, 20.001: {two, two + 1}}


def test_the_engine_comes_back_without_a_memory_of_events(scene: Scene, engine: FakeDocker) -> None:
    dies = engine.run("dies")

    def away() -> None:
        engine.stop()
        engine.remove(dies)

    scene.time.after(10, away)
    scene.time.after(20, lambda: engine.start(forgetful=True))
    scene.look(19, 20.001)
    scene.run(30)
    assert scene.seen == {19: {engine.port(dies)}, 20.001: set()}


def test_told_to_stop_while_the_engine_was_away(scene: Scene, engine: FakeDocker) -> None:
    app = engine.run("app")
    scene.time.after(10, engine.stop)
    scene.time.after(12, lambda: engine.kill(app))
    scene.time.after(20, engine.start)
    scene.look(19, 20.001, 42.9, 43.1)
    scene.run(50)
    # Its grace time counts from the signal, not from when we heard of it.
    assert scene.seen == {19: {engine.port(app)}, 20.001: set(), 42.9: set(), 43.1: {engine.port(app)}}


def test_the_engine_is_away_at_the_start(scene: Scene, engine: FakeDocker) -> None:
    app = engine.run("app")
    engine.stop()
    scene.time.after(10, engine.start)
    scene.time.after(9, lambda: scene.seen.update({9: {scene.health()["ok"]}}))
    scene.look(15)
    scene.run(20)
    assert scene.seen == {9: {False}, 15: {engine.port(app)}}
