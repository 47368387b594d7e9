# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The conditions of C(depends_on): whether a service started, is healthy or completed, and waiting for that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from ..core.waiting import wait_until
from ..ports.engine import Engine, ServiceState, TaskState
from .health import Verdict, failed_service

Condition = Literal["started", "healthy", "completed"]
_VERBS: dict[Condition, str] = {"started": "start", "healthy": "become healthy", "completed": "complete"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a service is to reach: its C(condition), by so many instances as C(wanted).

    Tasks in C(old) are of an earlier definition and count for nothing; those in C(forgiven) cannot fail it. So many
    failures as C(failures) end the wait.
    """

    condition: Condition
    wanted: int
    old: frozenset[str] = frozenset()
    forgiven: frozenset[str] = frozenset()
    failures: int = 3


def judge_condition(tasks: Iterable[TaskState], expected: Expectation) -> Verdict:
    """Judge the tasks of a service. Of each instance the newest task counts: what it did before is over."""
    current = [task for task in tasks if task.id not in expected.old]
    newest = {(task.slot or task.node_id): task for task in sorted(current, key=lambda task: task.created)}
    reached = sum(1 for task in newest.values() if _reached(task, expected.condition))
    failed = [task for task in current if task.failed and task.id not in expected.forgiven]
    text = f"{reached} of {expected.wanted} instances {expected.condition}"
    if failed:
        text += f", {len(failed)} failed: {failed[0].reason}"
        if failed[0].exit_code:
            text += f" (exit code {failed[0].exit_code})"
    fatal = next((task for task in failed if task.rejected), None)
    if fatal is None and len(failed) >= expected.failures:
        fatal = failed[0]
    return Verdict(fatal is None and reached >= expected.wanted, fatal, text)


def wait_for_condition(
    engine: Engine,
    service: ServiceState,
    expected: Expectation,
    timeout: float,
    *,
    on_wait: Callable[[str], None],
) -> None:
    """Wait until C(service) is as expected, C(timeout) seconds at most; C(on_wait) gets how far it is.

    Raises DeliveryError with its state, the reason and the last log lines otherwise.
    """
    tasks: list[TaskState] = []
    verdicts: list[Verdict] = []

    def probe() -> Verdict | None:
        tasks[:] = engine.tasks(service)
        verdicts[:] = [judge_condition(tasks, expected)]
        return verdicts[0] if verdicts[0].ready or verdicts[0].fatal is not None else None

    verdict = wait_until(probe, timeout, interval=0.2, on_wait=lambda _elapsed: on_wait(verdicts[0].text))
    if verdict is not None and verdict.fatal is None:
        return
    reason = verdicts[0].text if verdict is not None else f"after {timeout:.0f} s {verdicts[0].text}"
    telling = verdict.fatal if verdict is not None else _telling(tasks, expected.old)
    if telling is not None and not telling.failed:
        reason += f"; it is {telling.state}"
        if telling.starting:
            reason += ", but its health check did not pass"
        elif telling.reason and telling.reason != telling.state:
            reason += f": {telling.reason}"
    raise failed_service(engine, service, telling, reason, f"did not {_VERBS[expected.condition]}")


def _reached(task: TaskState, condition: Condition) -> bool:
    if condition == "completed":
        return task.completed
    if condition == "started":
        return task.running or task.starting or task.completed
    return task.running


def _telling(tasks: Collection[TaskState], old: frozenset[str]) -> TaskState | None:
    """The newest that failed, else the newest: whose state and log say most."""
    ranked = sorted(
        (task for task in tasks if task.id not in old), key=lambda task: (task.failed, task.created), reverse=True
    )
    return ranked[0] if ranked else None
