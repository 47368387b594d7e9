# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollback: flip back to the previous release, which is still warm or is started again at the live count first."""

from __future__ import annotations

from dataclasses import dataclass

from .color import other
from .errors import DeliveryError
from .instances import wait_until_healthy, wait_until_registered
from .release import Release, Truth
from .release_record import ReleaseRecord


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """C(color) is what users shall get again. C(warm): it still runs, at least as many as the live colour."""

    color: str
    instances: int
    warm: bool


def plan_rollback(truth: Truth, record: ReleaseRecord) -> RollbackPlan:
    """Decide from the truth; raises DeliveryError when there is no previous release to go back to."""
    live = truth.live
    if live is None:
        raise DeliveryError(f"'{truth.service}' was never live, so there is nothing to roll back to")
    color = other(live)
    service = truth.services.get(color)
    candidate = record.candidate
    if service is None or (candidate is not None and candidate.color == color):
        raise DeliveryError(
            f"'{truth.service}' has no previous release: colour {color} "
            + ("is a candidate that was never live" if service is not None else "was removed")
            + "; deploy the version that you want instead"
        )
    instances = max(1, truth.running.get(live, 0))
    return RollbackPlan(color, instances, truth.running.get(color, 0) >= instances)


def start_previous(release: Release, plan: RollbackPlan, *, timeout: float, max_failures: int) -> None:
    """Start the previous release at the live count, and stop it again when it does not become healthy."""
    service = release.fence_services().get(plan.color)
    if service is None:
        raise DeliveryError(f"service '{release.swarm_name(plan.color)}' vanished: deploy the version that you want")
    before = frozenset(task.id for task in release.engine.tasks(service))
    replicas = service.replicas
    started = release.engine.scale(service, plan.instances)

    def report(text: str) -> None:
        release.renew()
        release.progress(f"colour {plan.color}: {text}")

    try:
        tasks = wait_until_healthy(
            release.engine,
            started,
            plan.instances,
            timeout=timeout,
            before=before,
            max_failures=max_failures,
            on_wait=report,
        )
        wait_until_registered(
            release.registry, f"{release.service}-{plan.color}", tasks, timeout=timeout, on_wait=report
        )
    except DeliveryError:
        current = release.color_service(plan.color)
        if current is not None:
            release.renew()
            release.engine.scale(current, replicas)
        raise
