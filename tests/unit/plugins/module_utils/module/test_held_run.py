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
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.held_run import held_run, holder_of
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

LOCK = f"docker-flow/locks/{SERVICE}"
RUN = {"run": None, "keep_run": False, "owner": "ann@laptop", "lock_wait": 0, "lock_ttl": 30, "take_over": False}


def module(check_mode: bool = False, **parameters: Any) -> Any:
    """What C(held_run) needs of an AnsibleModule."""
    return SimpleNamespace(check_mode=check_mode, params={**RUN, **parameters})


def test_a_stage_alone_is_a_run_of_its_own(world: World) -> None:
    with held_run(module(), world.release, "proxy"):
        holder = world.consul.keys[LOCK].json()
        assert (holder["owner"], holder["stage"]) == ("ann@laptop", "proxy")
    assert (world.consul.keys.get(LOCK), world.consul.sessions) == (None, set())


def test_a_run_goes_from_stage_to_stage(world: World) -> None:
    first = module(keep_run=True)
    with held_run(first, world.release, "deploy"):
        pass
    run = first.params["run"]
    assert world.consul.sessions == {run}
    last = module(run=run)
    with held_run(last, world.new_release(), "proxy"):
        assert world.consul.keys[LOCK].json()["run"] == run
    assert (last.params["run"], world.consul.sessions) == (None, set())


def test_a_stage_that_fails_ends_the_run(world: World) -> None:
    stage = module(keep_run=True)
    with pytest.raises(DeliveryError, match=r"^no$"), held_run(stage, world.release, "deploy"):
        raise DeliveryError("no")
    assert (stage.params["run"], world.consul.keys.get(LOCK), world.consul.sessions) == (None, None, set())


def test_a_run_that_is_gone_is_not_resumed(world: World) -> None:
    with pytest.raises(LockLostError), held_run(module(run="session-9"), world.release, "proxy"):
        pytest.fail("the stage was entered")


def test_a_second_run_is_refused(world: World) -> None:
    world.start_run()
    with (
        pytest.raises(LockHeldError, match="ann@laptop holds the lock"),
        held_run(module(), world.new_release(), "proxy"),
    ):
        pytest.fail("the stage was entered")


def test_check_mode_takes_no_lock(world: World) -> None:
    with held_run(module(check_mode=True), world.release, "proxy"):
        assert world.release.run.taken is None
    assert world.consul.written == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_consul_that_goes_away_at_the_end_hides_nothing(world: World, fails: bool) -> None:
    def stage() -> None:
        with held_run(module(), world.release, "proxy"):
            world.consul.silent = True
            if fails:
                raise DeliveryError("the stage's own reason")

    if fails:
        with pytest.raises(DeliveryError, match="the stage's own reason"):
            stage()
    else:
        stage()


def test_the_owner_is_who_called_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    assert holder_of({"owner": None, "run": None}, "deploy").owner.startswith("ann@")
