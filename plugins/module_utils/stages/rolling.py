# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage deploy without colours: a rolling update by the engine, start-first, whose outcome is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import DeliveryError
from ..core.waiting import wait_until
from ..evidence.health import wait_until_healthy
from ..ports.engine import Phase, ServiceState, UpdateState
from ..release.release import Release
from .deploy import start_side_targets
from .images import PinnedImage
from .side_targets import wait_for_side_targets
from .sources import DeployWish, Sources

_BAD: frozenset[Phase] = frozenset({"paused", "rolling_back", "rolled_back"})
_GOING_ON: frozenset[Phase] = frozenset({"updating", "rolling_back"})
_WHO_GETS_WHAT: Mapping[Phase | None, str] = {
    "rolled_back": "users are on the old release",
    "rolling_back": "Swarm goes back to the old release",
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
        and service.spec == sources.spec
        and service.replicas == instances == running
        and _phase(service) not in _GOING_ON
    )
    return RollingPlan(instances, sources.spec, sources.image, not same, service)


def roll(release: Release, sources: Sources, plan: RollingPlan, wish: DeployWish) -> dict[str, Any]:
    """Update the service and wait for the outcome. Raises DeliveryError when the engine paused or rolled back."""
    before = settled(release, plan.before, wish.timeout)
    old_tasks = frozenset(task.id for task in release.engine.tasks(before)) if before is not None else frozenset()
    warnings = start_side_targets(release, sources, None, plan.instances, wish)
    deployment = sources.deployment(wish, release.target, None, plan.instances, release.run.id)
    release.run.renew()
    release.run.progress(f"updating {release.engine_name(None)} to {plan.instances} instances")
    alone = replace(deployment, side_targets=())
    release.engine.deploy(alone, wish.timeout, with_registry_auth=wish.with_registry_auth)
    wait_for_side_targets(release, sources.needed_side_targets, wish.timeout, wish.max_failures)
    after = release.engine.service(release.engine_name(None))
    if after is None:
        raise DeliveryError(f"service '{release.engine_name(None)}' vanished while it was being deployed")
    if sources.new_side_targets:  # What ended while these came up is not its fault.
        old_tasks |= {task.id for task in release.engine.tasks(after) if task.ended}
    if before is not None and before.definition != after.definition:
        # Where old instances go first, each of them may take as long as it is allowed to.
        patience = wish.timeout + after.stop_grace * before.replicas
        wait_for_outcome(release, after.name, before.update, old_tasks, patience)

    wait_until_healthy(
        release.engine,
        after,
        plan.instances,
        timeout=wish.timeout,
        before=old_tasks,
        max_failures=wish.max_failures,
        on_wait=release.run.reporter(after.name),
    )
    return {"warnings": warnings} if warnings else {}


def settled(release: Release, service: ServiceState | None, timeout: float) -> ServiceState | None:
    """The service once no update is going on: one that a killed run started is not mixed with the next."""
    if service is None or _phase(service) not in _GOING_ON:
        return service

    def report(elapsed: float) -> None:
        release.run.renew()
        release.run.progress(f"{elapsed:.0f} s: waiting for an earlier update of {service.name} to end")

    def ended() -> bool:
        now = release.engine.service(service.name)
        return now is None or _phase(now) not in _GOING_ON

    if not wait_until(ended, timeout, on_wait=report):
        raise DeliveryError(
            f"an earlier update of '{service.name}' did not end within {timeout:g} s: look at it with docker service "
            f"ps {service.name}, or raise timeout"
        )
    return release.engine.service(service.name)


def wait_for_outcome(
    release: Release, name: str, earlier: UpdateState | None, old_tasks: frozenset[str], timeout: float
) -> None:
    """Wait until the update that began after the C(earlier) one has ended, and ended well."""
    started_before = earlier.started if earlier is not None else None

    def ended() -> ServiceState | None:
        service = release.engine.service(name)
        if service is None or (service.update.started if service.update is not None else None) == started_before:
            return None
        return service if _phase(service) in _BAD | {"completed"} else None

    def report(elapsed: float) -> None:
        release.run.renew()
        release.run.progress(f"{elapsed:.0f} s: waiting for Swarm's rolling update of {name}")

    service = wait_until(ended, timeout, on_wait=report)
    update = service.update if service is not None else None
    if update is not None and update.phase == "completed":
        return
    state = release.engine.service(name) if service is None else service
    tasks = release.engine.tasks(state) if state is not None else []
    failed = [task for task in tasks if task.failed and task.id not in old_tasks]
    log = release.engine.task_log(failed[0].id) if failed else []
    outcome = f"is {update.state} ({update.message})" if update is not None else f"did not end within {timeout:g} s"
    raise DeliveryError(
        f"rolling update of '{name}' {outcome}; "
        + _WHO_GETS_WHAT.get(update.phase if update is not None else None, "users may get either release")
        + (f"; {failed[0].reason}" if failed else "")
        + (f"; last log lines: {' | '.join(log)}" if log else ""),
        reason=outcome,
        log=log,
    )


def _phase(service: ServiceState) -> Phase | None:
    return service.update.phase if service.update is not None else None
