# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Rollback: flip back to the previous release, which is still warm or is started again at the live count first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.color import other
from ..core.errors import DeliveryError
from ..evidence.confirmation import Start
from ..evidence.health import wait_until_healthy
from ..evidence.registration import wait_until_registered
from ..release.record import ReleaseRecord
from ..release.release import Release
from ..release.truth import Truth
from . import proxy

STAGE = "rollback"


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """C(color) is what users shall get again. C(warm): it still runs, at least as many as the live colour.

    C(changed) False: users have it already, because a rollback was killed after its flip.
    """

    color: str
    instances: int
    warm: bool
    changed: bool = True


def plan_rollback(truth: Truth, record: ReleaseRecord) -> RollbackPlan:
    """Decide from the truth; raises DeliveryError when there is no previous release to go back to."""
    live = truth.live
    if live is None:
        raise DeliveryError(f"'{truth.service}' was never live, so there is nothing to roll back to")
    color = record.unfinished(STAGE) or other(live)
    if color == live:
        return RollbackPlan(color, max(1, truth.running.get(live, 0)), True, changed=False)
    service = truth.services.get(color)
    known = next((one for one in (record.previous, record.live) if one is not None and one.color == color), None)
    if service is None or known is None or known.spec not in ("", service.spec):
        raise DeliveryError(
            f"'{truth.service}' has no previous release: colour {color} "
            + ("holds a release that was never live" if service is not None else "was removed")
            + "; deploy the version that you want instead"
        )
    instances = max(1, truth.running.get(live, 0))
    return RollbackPlan(color, instances, truth.running.get(color, 0) >= instances)


def roll_back(release: Release, plan: RollbackPlan, *, timeout: float, max_failures: int) -> dict[str, Any]:
    """Start the previous release where it is not warm, then send users to it as any flip does."""
    if not plan.warm:
        start_previous(release, plan, timeout=timeout, max_failures=max_failures)
    truth = release.truth()
    flip = proxy.plan(proxy.RouteWish(color=plan.color), truth, release.record.read())
    confirmed = proxy.apply(release, flip, truth, timeout, start=Start(timeout, max_failures))
    proxy.record_live(release, plan.color)
    return confirmed


def start_previous(release: Release, plan: RollbackPlan, *, timeout: float, max_failures: int) -> None:
    """Start the previous release at the live count, and stop it again when it does not become healthy."""
    service = release.fence_services().get(plan.color)
    if service is None:
        raise DeliveryError(f"service '{release.engine_name(plan.color)}' vanished: deploy the version that you want")
    before = frozenset(task.id for task in release.engine.tasks(service))
    replicas = service.replicas
    started = release.engine.scale(service, plan.instances)

    report = release.run.reporter(f"colour {plan.color}")
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
        wait_until_registered(release, plan.color, tasks, timeout=timeout, on_wait=report)
    except Exception:
        current = release.color_service(plan.color)
        if current is not None:
            release.run.renew()
            release.engine.scale(current, replicas)
        raise
    release.record.change(lambda record: record.with_instances(plan.color, plan.instances))
