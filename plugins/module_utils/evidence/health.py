# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Health: judging whether a service's tasks are ready, and waiting until they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..core.errors import DeliveryError
from ..core.waiting import wait_until
from ..ports.engine import Engine, ServiceState, TaskState


@dataclass(frozen=True, slots=True)
class Verdict:
    """C(ready): as many as wanted run. C(fatal): a task whose failure ends the wait. C(text): how far it is."""

    ready: bool
    fatal: TaskState | None
    text: str


def judge(
    tasks: Iterable[TaskState], wanted: int, before: frozenset[str], max_failures: int, may_complete: bool = False
) -> Verdict:
    """Judge the tasks of a service; those in C(before) existed when the wait began and cannot fail it.

    A task runs once its health check passed. One that was rejected (its image cannot be
    had, its port is taken) ends the wait at once, tasks that ended by themselves after C(max_failures) of them: a
    first start may fail while a database comes up. With C(may_complete) a task that ended well is as good as one that
    runs: it is a job.
    """
    tasks = list(tasks)
    running = sum(1 for task in tasks if task.running)
    failed = [task for task in tasks if task.failed and task.id not in before]
    rejected = [task for task in failed if task.rejected]
    text = f"{running} of {wanted} instances healthy"
    if failed:
        text += f", {len(failed)} failed: {failed[0].reason}"
    if rejected:
        return Verdict(False, rejected[0], text)
    if failed and len(failed) >= max_failures:
        return Verdict(False, failed[0], text)
    if may_complete:
        completed = sum(1 for task in tasks if task.completed)
        return Verdict(running + completed >= wanted, None, text)
    leaving = any(task.leaving and not task.lost for task in tasks)
    return Verdict(running == wanted and (wanted > 0 or not leaving), None, text)


def wait_until_healthy(
    engine: Engine,
    service: ServiceState,
    wanted: int,
    *,
    timeout: float,
    before: frozenset[str] = frozenset(),
    max_failures: int = 3,
    may_complete: bool = False,
    on_wait: Callable[[str], None],
) -> list[TaskState]:
    """Wait until exactly C(wanted) tasks run healthy and return them; see judge().

    Raises DeliveryError with the reason and the failing instance's last log lines otherwise. C(on_wait) gets the
    state in words about every second.
    """
    seen: list[Verdict] = []
    tasks: list[TaskState] = []

    def probe() -> Verdict | None:
        tasks[:] = engine.tasks(service)
        verdict = judge(tasks, wanted, before, max_failures, may_complete)
        seen[:] = [verdict]
        return verdict if verdict.ready or verdict.fatal is not None else None

    verdict = wait_until(probe, timeout, interval=0.2, on_wait=lambda _elapsed: on_wait(seen[0].text))
    if verdict is not None and verdict.fatal is None:
        return [task for task in tasks if task.running]
    failed = verdict.fatal if verdict is not None else None
    if failed is None:
        failed = _most_telling(task for task in tasks if task.id not in before and not task.running)
    raise failed_service(engine, service, failed, _failure(seen[0].text, failed, timeout if verdict is None else None))


def refuse_failed(
    engine: Engine, service: ServiceState, wanted: int, before: frozenset[str], max_failures: int
) -> None:
    """For whoever waits for something else: raise DeliveryError as soon as the service cannot become healthy."""
    verdict = judge(engine.tasks(service), wanted, before, max_failures)
    if verdict.fatal is not None:
        raise failed_service(engine, service, verdict.fatal, _failure(verdict.text, verdict.fatal, None))


def why_none_runs(engine: Engine, service: ServiceState) -> DeliveryError | None:
    """The error to raise where instances should run and none does; None where one does, or none was asked for."""
    tasks = engine.tasks(service)
    verdict = judge(tasks, service.replicas, frozenset(), 1)
    if not service.replicas or any(task.running for task in tasks):
        return None
    told = _most_telling(tasks)
    return failed_service(engine, service, told, _failure(verdict.text, told, None), "does not run any more")


def last_lines(log: list[str]) -> str:
    """The end of an error's sentence."""
    return f"; last log lines: {' | '.join(log)}" if log else ""


def failed_service(
    engine: Engine, service: ServiceState, task: TaskState | None, reason: str, what: str = "did not become healthy"
) -> DeliveryError:
    """The error that says C(what) a service failed at, for which C(reason), and what C(task) said last."""
    log = engine.task_log(task.id) if task is not None else []
    sentence = f"service '{service.name}' {what}: {reason}{last_lines(log)}"
    return DeliveryError(sentence, reason=reason, log=log)


def _most_telling(tasks: Iterable[TaskState]) -> TaskState | None:
    """The newest that failed, else the newest that at least started: the one whose log says most."""
    ranked = sorted(tasks, key=lambda task: (task.failed, bool(task.container), task.created), reverse=True)
    return ranked[0] if ranked else None


def _failure(text: str, task: TaskState | None, timeout: float | None) -> str:
    reason = f"after {timeout:g} s {text}" if timeout is not None else text
    if task is not None:
        if task.starting:
            reason += "; it started, but its health check did not pass"
        elif task.reason and task.reason not in reason:
            reason += f"; {task.state}: {task.reason}"
        if task.exit_code:
            reason += f" (exit code {task.exit_code})"
    return reason
