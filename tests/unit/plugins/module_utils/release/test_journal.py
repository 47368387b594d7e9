# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal says which stage began, where it goes, and how it ended."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, LockLostError
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.journal import journal
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World


def entries(world: World) -> list[tuple[str, str, str | None]]:
    run = world.recorded_now().run
    return [(entry.stage, entry.outcome, entry.goal) for entry in run.journal] if run is not None else []


def test_a_stage_that_is_done(world: World) -> None:
    world.start_run()
    with journal(world.release, "scale", "5"):
        assert entries(world) == [("scale", "started", "5")]
    assert entries(world) == [("scale", "started", "5"), ("scale", "done", None)]


def test_a_stage_that_failed(world: World) -> None:
    world.start_run()
    with pytest.raises(DeliveryError, match=r"^no$"), journal(world.release, "proxy"):
        raise DeliveryError("no")
    assert entries(world) == [("proxy", "started", None), ("proxy", "failed", None)]


def test_a_stage_that_met_a_fault_of_ours_failed_too(world: World) -> None:
    world.start_run()
    with pytest.raises(ZeroDivisionError), journal(world.release, "proxy"):
        raise ZeroDivisionError
    assert entries(world) == [("proxy", "started", None), ("proxy", "failed", None)]


def test_a_stage_that_was_killed_stays_started(world: World) -> None:
    world.start_run()
    with pytest.raises(KeyboardInterrupt), journal(world.release, "proxy"):
        raise KeyboardInterrupt
    assert entries(world) == [("proxy", "started", None)]


def test_a_failure_that_cannot_be_recorded_is_still_told(world: World) -> None:
    world.start_run()

    def fail() -> None:
        world.consul.silent = True
        raise DeliveryError("no")

    with pytest.raises(DeliveryError, match=r"^no$"), journal(world.release, "proxy"):
        fail()


def test_a_run_without_its_lock_does_not_begin(world: World) -> None:
    release = world.start_run()
    world.consul.expire(release.run.id)
    with pytest.raises(LockLostError), journal(release, "proxy"):
        pytest.fail("the stage was entered")
