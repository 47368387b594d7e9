# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock around a stage and the journal of its run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
    LockHeldError,
    LockLostError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.arguments import (
    held,
    journal,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

LOCK = f"docker-flow/locks/{SERVICE}"
RUN = {"run": None, "keep_run": False, "owner": "ann@laptop", "lock_wait": 0, "lock_ttl": 30, "take_over": False}


def module(check_mode: bool = False, **parameters: Any) -> Any:
    """What C(held) needs of an AnsibleModule."""
    return SimpleNamespace(check_mode=check_mode, params={**RUN, **parameters})


def test_a_stage_alone_is_a_run_of_its_own(world: World) -> None:
    with held(module(), world.release, "proxy"):
        holder = world.consul.keys[LOCK].json()
        assert (holder["owner"], holder["stage"]) == ("ann@laptop", "proxy")
    assert (world.consul.keys.get(LOCK), world.consul.sessions) == (None, set())


def test_a_run_goes_from_stage_to_stage(world: World) -> None:
    first = module(keep_run=True)
    with held(first, world.release, "deploy"):
        pass
    run = first.params["run"]
    assert world.consul.sessions == {run}
    last = module(run=run)
    with held(last, world.new_release(), "proxy"):
        assert world.consul.keys[LOCK].json()["run"] == run
    assert (last.params["run"], world.consul.sessions) == (None, set())


def test_a_stage_that_fails_ends_the_run(world: World) -> None:
    stage = module(keep_run=True)
    with pytest.raises(DeliveryError, match=r"^no$"), held(stage, world.release, "deploy"):
        raise DeliveryError("no")
    assert (stage.params["run"], world.consul.keys.get(LOCK), world.consul.sessions) == (None, None, set())


def test_a_run_that_is_gone_is_not_resumed(world: World) -> None:
    with pytest.raises(LockLostError), held(module(run="session-9"), world.release, "proxy"):
        pytest.fail("the stage was entered")


def test_a_second_run_is_refused(world: World) -> None:
    world.start_run()
    with pytest.raises(LockHeldError, match="ann@laptop holds the lock"), held(module(), world.new_release(), "proxy"):
        pytest.fail("the stage was entered")


def test_check_mode_takes_no_lock(world: World) -> None:
    with held(module(check_mode=True), world.release, "proxy"):
        assert world.release.lock is None
    assert world.consul.written == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_consul_that_goes_away_at_the_end_hides_nothing(world: World, fails: bool) -> None:
    def stage() -> None:
        with held(module(), world.release, "proxy"):
            world.consul.silent = True
            if fails:
                raise DeliveryError("the stage's own reason")

    if fails:
        with pytest.raises(DeliveryError, match="the stage's own reason"):
            stage()
    else:
        stage()


# -- the journal -------------------------------------------------------------------------------------------------------


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
    world.consul.expire(release.held_lock().run)
    with pytest.raises(LockLostError), journal(release, "proxy"):
        pytest.fail("the stage was entered")
