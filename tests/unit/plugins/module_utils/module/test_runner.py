# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One skeleton for every stage: what is done, under which lock, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, add_result
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, finish, run_stage
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

RUN = {"run": None, "keep_run": False, "owner": "ann@laptop", "lock_wait": 0, "lock_ttl": 30, "take_over": False}


class EndedError(Exception):
    """What C(exit_json) and C(fail_json) do to a module."""


def ending(check_mode: bool = False, **parameters: Any) -> tuple[Any, dict[str, Any]]:
    said: dict[str, Any] = {}

    def end(failed: bool, **result: Any) -> None:
        said.update(result, failed=failed)
        raise EndedError

    fake = SimpleNamespace(
        params=parameters,
        check_mode=check_mode,
        warn=lambda warning: said.setdefault("warned", []).append(warning),
        exit_json=lambda **result: end(False, **result),
        fail_json=lambda **result: end(True, **result),
    )
    return fake, said


def test_success() -> None:
    fake, said = ending()
    with pytest.raises(EndedError):
        finish(fake, lambda: {"changed": True})
    assert said == {"changed": True, "failed": False}


def test_the_next_stage_gets_the_run() -> None:
    fake, said = ending(keep_run=True, run="r1")
    with pytest.raises(EndedError):
        finish(fake, lambda: {"changed": True})
    assert said["run"] == "r1"


def test_a_failure_tells_what_was_achieved(tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    progress.write_text("waiting\n", encoding="utf-8")
    fake, said = ending(progress_file=str(progress))

    def body() -> dict[str, Any]:
        raise DeliveryError("no", mixed=True)

    with pytest.raises(EndedError):
        finish(fake, body)
    assert json.loads(json.dumps(said)) == {"msg": "no", "changed": False, "mixed": True, "failed": True}
    assert not progress.exists()


# -- a stage -----------------------------------------------------------------------------------------------------------


def stage(world: World, planned: Planned | Exception, *, check: bool = False, **parameters: Any) -> dict[str, Any]:
    """Run a stage with this plan; what Ansible would get."""
    fake, said = ending(check, **{**RUN, **parameters})

    def plan(*_arguments: Any) -> Planned:
        if isinstance(planned, Exception):
            raise planned
        return planned

    with pytest.raises(EndedError):
        run_stage(fake, "proxy", lambda: world.release, plan)
    return said


def noting(calls: list[str], name: str) -> Callable[[], dict[str, Any]]:
    def call() -> dict[str, Any]:
        calls.append(name)
        return {"by": name}

    return call


@pytest.mark.parametrize(
    ("changed", "unfinished", "check", "expected"),
    [
        pytest.param(True, False, False, "do", id="something to change: done"),
        pytest.param(True, False, True, "foretell", id="something to change, in check mode: foretold"),
        pytest.param(False, False, False, "settle", id="nothing to change: made sure of"),
        pytest.param(False, False, True, "foretell", id="nothing to change, in check mode"),
        pytest.param(False, True, False, "do", id="nothing changes, but a killed run left something to do"),
        pytest.param(False, True, True, "foretell", id="the same in check mode"),
    ],
)
def test_what_is_done(world: World, changed: bool, unfinished: bool, check: bool, expected: str) -> None:
    calls: list[str] = []
    parts = {name: noting(calls, name) for name in ("do", "settle", "foretell")}
    said = stage(
        world, Planned(changed, {"color": "blue"}, {"a": 1}, {"a": 2}, unfinished=unfinished, **parts), check=check
    )
    assert (calls, said["by"], said["changed"], said["color"]) == ([expected], expected, changed, "blue")
    assert said["diff"] == {"before": {"a": 1}, "after": {"a": 2}}
    run = world.recorded_now().run
    journalled = [entry.outcome for entry in run.journal] if run is not None else []
    assert journalled == (["started", "done"] if expected == "do" else [])


def test_warnings_are_given_as_such(world: World) -> None:
    said = stage(world, Planned(True, do=lambda: {"cut": {}, "warnings": ["node w1 is down"]}))
    assert (said["warned"], "warnings" in said) == (["node w1 is down"], False)


def test_no_diff_where_there_is_none(world: World) -> None:
    assert "diff" not in stage(world, Planned(False))


def test_check_mode_takes_no_lock_and_writes_nothing(world: World) -> None:
    stage(world, Planned(True), check=True)
    assert (world.consul.written, world.consul.sessions) == ([], set())


def test_the_goal_stands_in_the_journal(world: World) -> None:
    seen: list[str | None] = []

    def look() -> dict[str, Any]:
        seen.append(world.recorded_now().unfinished("proxy"))
        return {}

    stage(world, Planned(True, goal="blue", do=look))
    assert seen == ["blue"]


def fails(error: Exception) -> Callable[[], dict[str, Any]]:
    def call() -> dict[str, Any]:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "message", "traced"),
    [
        pytest.param(DeliveryError("no proxy"), "stage proxy: no proxy", False, id="what an operator can act on"),
        pytest.param(
            IndexError("list index out of range"),
            "stage proxy: internal error (IndexError: list index out of range): report it with the traceback",
            True,
            id="a fault of ours",
        ),
    ],
)
@pytest.mark.parametrize("where", ["plan", "do", "settle"])
def test_whatever_fails_lock_and_journal_are_cleared(
    world: World, error: Exception, message: str, traced: bool, where: str
) -> None:
    planned = {"plan": error, "do": Planned(True, do=fails(error)), "settle": Planned(False, settle=fails(error))}[
        where
    ]
    said = stage(world, planned, keep_run=True)
    assert (said["failed"], said["msg"], said["changed"]) == (True, message, False)
    assert ("Traceback" in said.get("exception", "")) is traced
    assert (world.consul.sessions, world.consul.keys.get(f"docker-flow/locks/{SERVICE}")) == (set(), None)
    run = world.recorded_now().run
    assert ([entry.outcome for entry in run.journal] if run else []) == (["started", "failed"] if where == "do" else [])


def test_what_a_fault_of_ours_cleared_up_is_told(world: World) -> None:
    error = IndexError("list index out of range")
    add_result(error, removed=True)
    assert stage(world, Planned(True, do=fails(error)))["removed"] is True


@pytest.mark.parametrize("check", [False, True])
def test_a_stage_does_not_guess_what_is_live(world: World, check: bool) -> None:
    world.colour("blue", 2)  # the store knows nothing of it
    calls: list[str] = []
    said = stage(world, Planned(True, do=noting(calls, "do")), check=check)
    assert "runs, but Consul has neither its route nor its release record" in said["msg"]
    assert (calls, len(world.running("blue")), world.consul.sessions) == ([], 2, set())


@pytest.mark.parametrize(
    ("lagging", "check", "recorded"),
    [
        pytest.param(False, False, "green", id="every proxy serves it"),
        pytest.param(True, False, "blue", id="not every proxy yet"),
        pytest.param(False, True, "blue", id="check mode writes nothing"),
    ],
)
def test_a_flip_that_a_killed_run_did_not_record_is_recorded_first(
    world: World, lagging: bool, check: bool, recorded: str
) -> None:
    world.colour("blue", 1)
    world.colour("green", 1)
    world.route("blue")
    if lagging:
        world.proxies["proxy-2"].behaviour = SILENT
    world.route("green", 5)
    world.record(live=release_of("blue"), candidate=release_of("green"))
    stage(world, Planned(False), check=check)
    live = world.recorded_now().live
    assert live is not None
    assert live.color == recorded
