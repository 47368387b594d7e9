# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what others depend on has started, is healthy or completed."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.conditions import (
    Condition,
    Expectation,
    judge_condition,
    wait_for_condition,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import TaskState
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import FakeEngine, task


def at(kind: str, name: str, moment: int, slot: int = 1) -> TaskState:
    return task(kind, name, slot=slot, created=f"2026-11-25T12:00:{moment:02d}Z")


RUNS, STARTS = at("running", "r", 2), at("starting", "s", 2)
FAILED, DONE = at("failed", "f", 1), at("complete", "c", 2)
REACHED: list[object] = [
    pytest.param([RUNS], "started", True, id="running has started"),
    pytest.param([STARTS], "started", True, id="starting has started"),
    pytest.param([DONE], "started", True, id="what completed has started"),
    pytest.param([at("pending", "p", 2)], "started", False, id="pending has not"),
    pytest.param([RUNS], "healthy", True, id="running is healthy"),
    pytest.param([STARTS], "healthy", False, id="starting is not yet"),
    pytest.param([DONE], "healthy", False, id="what ended is not"),
    pytest.param([DONE], "completed", True, id="completed"),
    pytest.param([RUNS], "completed", False, id="running is not completed"),
    pytest.param([FAILED, DONE], "completed", True, id="completed at the second try"),
    pytest.param([at("complete", "c", 1), RUNS], "completed", False, id="it runs again: what it did before is over"),
    pytest.param([], "completed", False, id="nothing yet"),
]


@pytest.mark.parametrize(("tasks", "condition", "ready"), REACHED)
def test_a_condition(tasks: list[TaskState], condition: Condition, ready: bool) -> None:
    verdict = judge_condition(tasks, Expectation(condition, 1))
    assert (verdict.ready, verdict.fatal) == (ready, None)
    assert verdict.text.startswith(f"{int(ready)} of 1 instances {condition}")


def test_each_instance_counts() -> None:
    two = Expectation("completed", 2)
    assert not judge_condition([DONE, at("complete", "c0", 1)], two).ready
    assert judge_condition([DONE, at("complete", "c2", 1, slot=2)], two).ready


def test_what_is_of_an_earlier_definition_does_not_count() -> None:
    assert not judge_condition([DONE], Expectation("completed", 1, old=frozenset({"c"}))).ready


FATAL = [
    pytest.param([FAILED], Expectation("completed", 1, failures=1), "f", id="a job that is not started again"),
    pytest.param([FAILED], Expectation("completed", 1), None, id="it may try again"),
    pytest.param([FAILED, at("failed", "g", 2), at("failed", "h", 3)], Expectation("healthy", 1), "f", id="too often"),
    pytest.param([at("rejected", "x", 1)], Expectation("started", 1), "x", id="it cannot start"),
    pytest.param(
        [FAILED],
        Expectation("completed", 1, forgiven=frozenset({"f"}), failures=1),
        None,
        id="an earlier run's failure",
    ),
]


@pytest.mark.parametrize(("tasks", "expected", "fatal"), FATAL)
def test_when_waiting_is_in_vain(tasks: list[TaskState], expected: Expectation, fatal: str | None) -> None:
    found = judge_condition(tasks, expected).fatal
    assert (found.id if found is not None else None) == fatal


TOLD = [
    pytest.param(
        "failed",
        Expectation("completed", 1, failures=1),
        "^service 'shop_migrate' did not complete: 0 of 1 instances completed, 1 failed: .*exit code 3.*"
        "; last log lines: connecting | no such table$".replace("|", r"\|"),
        id="failed",
    ),
    pytest.param(
        "starting",
        Expectation("healthy", 1),
        "did not become healthy: after 0 s 0 of 1 .* healthy; it is starting, but its health check did not pass;",
        id="unhealthy",
    ),
    pytest.param(
        "pending",
        Expectation("started", 1),
        "did not start: after 0 s .*; it is pending: no suitable node",
        id="no node",
    ),
]


@pytest.mark.parametrize(("kind", "expected", "said"), TOLD)
def test_an_error_tells_the_state_and_the_log(kind: str, expected: Expectation, said: str) -> None:
    engine = FakeEngine()
    engine.outcome["shop_migrate"] = kind
    engine.logs = ["connecting", "no such table"]
    engine.put("shop_migrate", 1)
    service = engine.services["shop_migrate"]
    with pytest.raises(DeliveryError, match=said) as raised:
        wait_for_condition(engine, service, expected, 0.0, on_wait=lambda _text: None)
    assert raised.value.result["log"] == ["connecting", "no such table"]
