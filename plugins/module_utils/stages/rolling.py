# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage deploy without colours: a rolling update by Swarm, start-first, whose outcome is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import DeliveryError
from ..core.waiting import wait_until
from ..release.release import Release
from ..swarm.stack_deploy import stack_deploy
from ..swarm.swarm_state import SPEC_LABEL, ServiceState
from .health import wait_until_healthy
from .images import PinnedImage
from .side_targets import wait_for_side_targets
from .sources import DeployWish, Sources

# How an update ends. Docker's own command line exits with 0 for all of them (docker/cli#6752).
_GOOD = frozenset({"completed"})
_BAD = frozenset({"paused", "rollback_completed", "rollback_paused", "rollback_started"})
_GOING_ON = frozenset({"updating", "rollback_started"})
_WHO_GETS_WHAT = {
    "rollback_completed": "users are on the old release",
    "rollback_started": "Swarm goes back to the old release",
}


@dataclass(frozen=True, slots=True)
class RollingPlan:
    """What to update to, and whether that is needed."""

    instances: int
    spec: str
    image: PinnedImage
    changed: bool
    before: ServiceState | None


def plan_rolling(wish: DeployWish, service: ServiceState | None, running: int, sources: Sources) -> RollingPlan:
    """The running count is kept unless C(scale) says otherwise; the first deploy takes the file's number."""
    base = running or (sources.from_file if sources.from_file is not None else 1)
    instances = base if wish.scale is None else wish.scale.resolve(base, wish.min_scale, wish.max_scale)
    same = (
        service is not None
        and not wish.force
        and service.labels.get(SPEC_LABEL) == sources.spec
        and service.replicas == instances == running
        and service.update_state not in _GOING_ON
    )
    return RollingPlan(instances, sources.spec, sources.image, not same, service)


def roll(release: Release, sources: Sources, plan: RollingPlan, wish: DeployWish) -> dict[str, Any]:
    """Update the service and wait for the outcome. Raises DeliveryError when Swarm paused or rolled back."""
    before = settled(release, plan.before, wish.timeout)
    old_tasks = frozenset(task.id for task in release.engine.tasks(before)) if before is not None else frozenset()
    document = sources.document(wish, release.target, None, plan.instances, release.held_lock().run)
    release.renew()
    release.progress(f"updating {release.swarm_name(None)} to {plan.instances} instances")
    stack_deploy(
        document,
        docker_host=release.engine.docker_host,
        timeout=wish.timeout,
        with_registry_auth=wish.with_registry_auth,
    )
    wait_for_side_targets(release, sources.new_side_targets, wish.timeout, wish.max_failures)
    after = release.engine.service(release.swarm_name(None))
    if after is None:
        raise DeliveryError(f"service '{release.swarm_name(None)}' vanished while it was being deployed")
    if before is not None and before.spec["TaskTemplate"] != after.spec["TaskTemplate"]:
        wait_for_outcome(release, after.name, before.update_started, old_tasks, wish.timeout)

    wait_until_healthy(
        release.engine,
        after,
        plan.instances,
        timeout=wish.timeout,
        before=old_tasks,
        max_failures=wish.max_failures,
        on_wait=release.reporter(after.name),
    )
    return {}


def settled(release: Release, service: ServiceState | None, timeout: float) -> ServiceState | None:
    """The service once no update is going on: one that a killed run started is not mixed with the next."""
    if service is None or service.update_state not in _GOING_ON:
        return service

    def report(elapsed: float) -> None:
        release.renew()
        release.progress(f"{elapsed:.0f} s: waiting for an earlier update of {service.name} to end")

    def ended() -> bool:
        now = release.engine.service(service.name)
        return now is None or now.update_state not in _GOING_ON

    if not wait_until(ended, timeout, on_wait=report):
        raise DeliveryError(
            f"an earlier update of '{service.name}' did not end within {timeout:g} s: look at it with docker service "
            f"ps {service.name}, or raise timeout"
        )
    return release.engine.service(service.name)


def wait_for_outcome(
    release: Release, name: str, started_before: str | None, old_tasks: frozenset[str], timeout: float
) -> None:
    """Wait until the update that Swarm started after C(started_before) has ended, and ended well."""

    def ended() -> ServiceState | None:
        service = release.engine.service(name)
        if service is None or service.update_started == started_before:
            return None
        return service if service.update_state in _GOOD | _BAD else None

    def report(elapsed: float) -> None:
        release.renew()
        release.progress(f"{elapsed:.0f} s: waiting for Swarm's rolling update of {name}")

    service = wait_until(ended, timeout, on_wait=report)
    if service is not None and service.update_state in _GOOD:
        return
    state = release.engine.service(name) if service is None else service
    tasks = release.engine.tasks(state) if state is not None else []
    failed = [task for task in tasks if task.failed and task.id not in old_tasks]
    log = release.engine.task_log(failed[0].id) if failed else []
    outcome = (
        f"is {service.update_state} ({service.update_message})" if service else f"did not end within {timeout:g} s"
    )
    ended_as = (service.update_state if service else None) or ""
    raise DeliveryError(
        f"rolling update of '{name}' {outcome}; "
        + _WHO_GETS_WHAT.get(ended_as, "users may get either release")
        + (f"; {failed[0].reason}" if failed else "")
        + (f"; last log lines: {' | '.join(log)}" if log else ""),
        reason=outcome,
        log=log,
    )
