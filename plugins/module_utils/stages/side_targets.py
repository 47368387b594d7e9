# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Side targets: what they keep of what they run with, the order in which they start, and when they are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..compose.dependencies import COMPLETED, HEALTHY, STARTED, Awaited
from ..core.errors import DeliveryError
from ..core.waiting import Deadline
from ..evidence.conditions import Condition, Expectation, wait_for_condition
from ..evidence.health import wait_until_healthy
from ..ports.engine import Deployment, Engine, KeptService, ServiceState, TaskState
from ..release.release import Release

_CONDITIONS: dict[str, Condition] = {STARTED: "started", HEALTHY: "healthy", COMPLETED: "completed"}


def running_side_targets(engine: Engine, project: str, names: Sequence[str]) -> dict[str, KeptService]:
    """What side targets run with already, and therefore keep: their instances and image.

    One that is there but has nothing that runs or ended well, because it never came up, has nothing to keep.
    """
    kept = {}
    for name in names:
        service = engine.service(engine.service_name(project, name))
        if service is not None and any(task.running or task.completed for task in engine.tasks(service)):
            kept[name] = KeptService(service.replicas, service.image)
    return kept


def bring_up(
    release: Release,
    deployment: Deployment,
    order: Sequence[Sequence[Awaited]],
    timeout: float,
    max_failures: int,
    *,
    with_registry_auth: bool = False,
) -> list[str]:
    """Deploy the side targets of a deployment wave by wave, each once what it waits for is there; the target is not.

    C(order): see start_order(). C(timeout) in seconds is for all of them together. Returns a sentence for each that is
    not there although somebody would have waited for it, but nobody requires it. Raises DeliveryError for the others.
    """
    deadline = Deadline(timeout)
    warnings = []
    for wave in order:
        names = [one.name for one in wave]
        before = {name: _look(release, name) for name in names}
        release.run.renew()
        release.run.progress(f"bringing up {', '.join(names)}")
        release.engine.deploy(replace(deployment, only=tuple(names)), timeout, with_registry_auth=with_registry_auth)
        for one in wave:
            try:
                _wait(release, one, before[one.name], deadline, max_failures)
            except DeliveryError as error:
                problem = f"side target '{one.name}': {error}"
                if one.required:
                    raise DeliveryError(problem, **error.result) from error
                warnings.append(f"{problem}; nobody requires it")
    return warnings


def _look(release: Release, name: str) -> tuple[ServiceState | None, list[TaskState]]:
    service = release.engine.service(release.engine.service_name(release.project, name))
    return service, release.engine.tasks(service) if service is not None else []


def _wait(
    release: Release,
    awaited: Awaited,
    before: tuple[ServiceState | None, list[TaskState]],
    deadline: Deadline,
    max_failures: int,
) -> None:
    """Wait for each condition that others have, of a side target that was just deployed."""
    if not awaited.conditions:
        return
    service, tasks = _look(release, awaited.name)
    if service is None:
        raise DeliveryError("it vanished while it was being deployed")
    known, known_tasks = before
    changed = known is not None and known.definition != service.definition
    if COMPLETED in awaited.conditions and not changed and known is not None and _is_over(tasks):
        # As it failed before and is the same, nothing would start it again.
        service, changed = release.engine.restart(service), True
        known_tasks = tasks
    # Of what ran before, one instance is enough: others may be on a node that is lost, and a release may be what helps.
    ran = any(task.running or task.completed for task in known_tasks)
    failures = max_failures if service.attempts is None else min(max_failures, service.attempts)
    for condition in awaited.conditions:
        expected = Expectation(
            _CONDITIONS[condition],
            min(1, service.replicas) if ran and condition != COMPLETED else service.replicas,
            old=frozenset(task.id for task in known_tasks) if changed else frozenset(),
            forgiven=frozenset(task.id for task in known_tasks if task.ended),
            failures=failures,
        )
        report = release.run.reporter(f"side target {awaited.name}, to be {_CONDITIONS[condition]}")
        wait_for_condition(release.engine, service, expected, deadline.remaining, on_wait=report)


def _is_over(tasks: Sequence[TaskState]) -> bool:
    """Nothing of a job is going on, and not every instance of it ended well the last time."""
    newest = {task.slot: task for task in sorted(tasks, key=lambda task: task.created)}
    return all(task.gone for task in newest.values()) and not all(task.completed for task in newest.values())


def wait_for_side_targets(release: Release, names: Iterable[str], timeout: float, max_failures: int) -> None:
    """Wait until every instance of these is healthy, or ended well: tests and users of the candidate need them.

    C(names) are those of which nothing ran before: where some instances run and others do not, perhaps on a node that
    is lost, that does not hold back a release that may be what helps. What ended before this look is forgiven, too.
    C(timeout) in seconds for each.
    """

    for name in names:
        service = release.engine.service(release.engine.service_name(release.project, name))
        if service is None:
            raise DeliveryError(f"side target '{name}' vanished while it was being deployed")
        try:
            wait_until_healthy(
                release.engine,
                service,
                service.replicas,
                timeout=timeout,
                before=frozenset(task.id for task in release.engine.tasks(service) if task.ended),
                max_failures=max_failures,
                may_complete=True,
                on_wait=release.run.reporter(f"side target {name}"),
            )
        except DeliveryError as error:
            raise DeliveryError(f"side target '{name}': {error}", **error.result) from error
