# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When instances count as healthy, and when one failure is one too many."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.health import (
    judge,
    wait_until_healthy,
    why_none_runs,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import TaskState
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import FakeEngine, task
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("tasks", "wanted", "ready", "fatal", "text"),
    [
        pytest.param([], 1, False, None, "0 of 1 instances healthy", id="nothing yet"),
        pytest.param([task("running")], 1, True, None, "1 of 1 instances healthy", id="all healthy"),
        pytest.param([task("running"), task("starting", "t2")], 2, False, None, "1 of 2", id="one starts"),
        pytest.param(
            [task("running"), task("running", "t2")], 1, False, None, "2 of 1", id="too many: one shall still go"
        ),
        pytest.param(
            [task("failed")],
            1,
            False,
            None,
            "0 of 1 instances healthy, 1 failed: task: non-zero exit",
            id="one failure",
        ),
        pytest.param([task("failed", f"t{n}") for n in range(3)], 1, False, "t0", "3 failed", id="three failures"),
        pytest.param(
            [task("running"), task("failed", "t2")], 1, True, None, "1 of 1", id="came up at the second attempt"
        ),
        pytest.param([task("rejected")], 1, False, "t1", "No such image", id="rejected"),
        pytest.param([task("pending")], 1, False, None, "0 of 1", id="fits nowhere: may change"),
        pytest.param([], 0, True, None, "0 of 0", id="none wanted, none there"),
        pytest.param(
            [task("running", running=False, leaving=True)], 0, False, None, "0 of 0", id="none wanted, one still stops"
        ),
        pytest.param([task("failed")], 0, True, None, "0 of 0", id="none wanted, one had failed"),
    ],
)
def test_judge(tasks: list[TaskState], wanted: int, ready: bool, fatal: str | None, text: str) -> None:
    verdict = judge(tasks, wanted, NONE, 3)
    assert verdict.ready is ready
    assert (verdict.fatal.id if verdict.fatal else None) == fatal
    assert text in verdict.text


@pytest.mark.parametrize(
    ("tasks", "replicas", "words"),
    [
        pytest.param([task("running")], 1, [], id="one runs"),
        pytest.param([], 0, [], id="none was asked for"),
        pytest.param(
            [task("failed", "t1"), task("starting", "t2")],
            1,
            ["does not run any more: 0 of 1", "1 failed: task: non-zero exit", "last log lines: no license"],
            id="it ended, the next one starts",
        ),
        pytest.param([], 1, ["0 of 1 instances healthy"], id="nothing is known of any"),
    ],
)
def test_why_none_runs(tasks: list[TaskState], replicas: int, words: list[str]) -> None:
    engine = FakeEngine()
    engine.put("books-ms_app-blue", replicas)
    engine.task_list["books-ms_app-blue"], engine.logs = tasks, ["no license"]
    why = why_none_runs(engine, engine.services["books-ms_app-blue"])
    assert (why is None) == (not words)
    assert [word for word in words if word not in str(why)] == []


@pytest.mark.parametrize("failed", [0, 1])
def test_where_none_may_end_the_first_that_does_ends_the_wait(failed: int) -> None:
    verdict = judge([task("failed", f"t{n}") for n in range(failed)], 1, NONE, 0)
    assert (verdict.fatal is not None) == bool(failed)


@pytest.mark.parametrize(
    ("tasks", "ready"),
    [
        pytest.param([task("complete")], True, id="a job that ended well"),
        pytest.param([task("running")], True, id="it runs"),
        pytest.param([task("running"), task("running", "t2")], True, id="on every node"),
        pytest.param([task("failed")], False, id="a job that failed"),
    ],
)
def test_a_job_may_end(tasks: list[TaskState], ready: bool) -> None:
    assert judge(tasks, 1, NONE, 3, may_complete=True).ready is ready
    if tasks[0].state == "complete":
        assert not judge(tasks, 1, NONE, 3).ready


@pytest.mark.parametrize("kind", ["failed", "rejected"])
def test_failures_from_before_are_forgiven(kind: str) -> None:
    old = [task(kind, f"old{n}") for n in range(5)]
    assert judge([task("running"), *old], 1, frozenset(one.id for one in old), 3).ready
    assert judge([task("running"), *old], 1, NONE, 3).fatal is not None


def test_healthy_instances_are_returned(world: World) -> None:
    world.colour("blue", 2)
    service = world.release.color_service("blue")
    assert service is not None
    tasks = wait_until_healthy(world.release.engine, service, 2, timeout=0.0, on_wait=lambda _text: None)
    assert sorted(one.id for one in tasks) == sorted(world.running("blue"))


@pytest.mark.parametrize(
    ("outcome", "timeout", "said"),
    [
        pytest.param(
            "starting",
            0.0,
            "after 0 s 0 of 1 instances healthy; it started, but its health check did not pass; last log lines: a | b",
            id="unhealthy",
        ),
        pytest.param(
            "pending", 0.0, "after 0 s 0 of 1 instances healthy; pending: no suitable node", id="fits nowhere"
        ),
        pytest.param(
            "rejected",
            60.0,
            "become healthy: 0 of 1 instances healthy, 1 failed: No such image: nosuchimage",
            id="at once",
        ),
        pytest.param("failed", 0.0, "1 failed: task: non-zero exit (3) (exit code 3); last log", id="exited"),
    ],
)
def test_why_it_did_not_become_healthy(world: World, outcome: str, timeout: float, said: str) -> None:
    world.engine.outcome["books-ms_app-blue"] = outcome
    world.engine.logs = ["a", "b"]
    world.colour("blue", 1)
    service = world.release.color_service("blue")
    assert service is not None
    with pytest.raises(DeliveryError) as raised:
        wait_until_healthy(
            world.release.engine, service, 1, timeout=timeout, max_failures=3, on_wait=lambda _text: None
        )
    assert str(raised.value).startswith("service 'books-ms_app-blue' did not become healthy: ")
    assert said in str(raised.value)
    assert raised.value.result["log"] == ["a", "b"]
    assert raised.value.result["reason"] in str(raised.value)
