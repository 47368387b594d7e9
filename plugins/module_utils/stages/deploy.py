# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage deploy: the next colour at the live count, healthy and registered, recorded as the candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..core.color import next_color
from ..core.errors import DeliveryError, add_result
from ..core.waiting import wait_until
from ..evidence.draining import CONFIRM_TIMEOUT, refuse_unknown, wait_until_drained, withdraw
from ..evidence.health import wait_until_healthy
from ..evidence.registration import wait_until_registered
from ..ports.engine import ServiceState
from ..release.record import ColorRelease, ReleaseRecord
from ..release.release import Release
from ..release.run import utc_now
from ..release.truth import Truth
from .images import PinnedImage
from .side_targets import bring_up, wait_for_side_targets
from .sources import DeployWish, Sources
from .stop import stop_service

STAGE = "deploy"


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """C(reuse): the colour runs exactly this already, and is only to be recorded."""

    color: str
    instances: int
    spec: str
    image: PinnedImage
    changed: bool
    reuse: bool
    reason: str


def wanted_instances(wish: DeployWish, truth: Truth, from_file: int | None) -> int:
    """As many as the live colour has, unless C(scale) says otherwise; the first release takes the file's number.

    An instance that is just being replaced counts, and so do all when none answers: a release that mends that must not
    be smaller.
    """
    live = truth.services.get(truth.live) if truth.live is not None else None
    base = (live.replicas if live is not None else 0) or (from_file if from_file is not None else 1)
    if wish.scale is None:
        return max(base, wish.min_scale)
    return wish.scale.resolve(base, wish.min_scale, wish.max_scale)


def plan_deploy(
    wish: DeployWish, truth: Truth, record: ReleaseRecord, spec: str, image: PinnedImage, from_file: int | None
) -> DeployPlan:
    """Which colour gets how many instances of what, and whether that is needed at all."""
    instances = wanted_instances(wish, truth, from_file)
    live, served = truth.live, truth.served
    if live is not None and len(served) > 1:
        raise DeliveryError(
            f"the proxies disagree about '{truth.service}' and serve both colours: look at the status, repair or "
            f"exclude the proxy that lags behind, then run the stage proxy"
        )
    if live is not None and not wish.force and _is(truth.services.get(live), spec):
        running = truth.services[live].replicas if truth.running.get(live, 0) > 0 else 0
        if running > 0 and (wish.scale is None or instances == running):
            return DeployPlan(
                live, running, spec, image, False, True, f"colour {live} is live with exactly this release"
            )
    color = next_color(live, truth.running)
    if color in served:
        raise DeliveryError(f"color '{color}' of '{truth.service}' is served by a proxy and must not be redeployed")
    service = truth.services.get(color)
    if not wish.force and service is not None and _is(service, spec) and service.replicas == instances:
        # A run that was killed left it, or it is the previous release that is still warm: go on from there.
        known = record.candidate is not None and record.candidate.color == color
        changed = not known or truth.running.get(color, 0) != instances
        return DeployPlan(color, instances, spec, image, changed, True, f"colour {color} has exactly this release")
    return DeployPlan(color, instances, spec, image, True, False, "")


def shown(service: ServiceState | None) -> dict[str, Any]:
    """What a diff says of a service."""
    if service is None:
        return {}
    return {
        "service": service.name,
        "image": service.image,
        "instances": service.replicas,
        "spec": service.spec,
    }


def _is(service: ServiceState | None, spec: str) -> bool:
    return service is not None and service.spec == spec


def deploy(release: Release, sources: Sources, plan: DeployPlan, wish: DeployWish) -> dict[str, Any]:
    """Bring the candidate up, or remove it again and say why it did not come up. The live colour is not touched."""
    services = release.fence_services()
    previous = release.record.read().previous
    warnings: list[str] = []
    if not plan.reuse:
        # First, so that what a rollback goes to is still there when a side target does not come up.
        warnings += start_side_targets(release, sources, plan.color, plan.instances, wish)
        warnings += clear(release, services.get(plan.color), plan.color, wish)
        release.record.change(lambda record: record.overwritten(plan.color))
    try:
        if not plan.reuse:
            apply(release, sources, plan, wish)
            wait_for_side_targets(release, sources.needed_side_targets, wish.timeout, wish.max_failures)
        prove(release, plan, wish, forgive=plan.reuse or bool(sources.new_side_targets))
    except Exception as error:
        # The previous release is what a rollback goes to: it was live, so it is not removed for a bad moment.
        warm = plan.reuse and previous is not None and previous.color == plan.color
        add_result(error, removed=not warm and discard(release, plan.color, wish))
        raise
    made = ColorRelease(plan.color, plan.spec, plan.image.reference, plan.instances, utc_now(), release.run.owner)
    release.record.change(lambda record: record.deployed(made))
    return {"warnings": warnings} if warnings else {}


def start_side_targets(
    release: Release, sources: Sources, color: str | None, instances: int, wish: DeployWish
) -> list[str]:
    """Bring the side targets up in their order, before the target itself; returns warnings."""
    deployment = sources.deployment(wish, release.target, color, instances, release.run.id)
    return bring_up(
        release,
        deployment,
        sources.order,
        wish.timeout,
        wish.max_failures,
        with_registry_auth=wish.with_registry_auth,
    )


def apply(release: Release, sources: Sources, plan: DeployPlan, wish: DeployWish) -> None:
    """Create the colour's service."""
    deployment = sources.deployment(wish, release.target, plan.color, plan.instances, release.run.id)
    deployment = replace(deployment, side_targets=())
    release.run.renew()
    release.run.progress(f"deploying {release.engine_name(plan.color)} with {plan.instances} instances")
    release.engine.deploy(deployment, wish.timeout, with_registry_auth=wish.with_registry_auth)


def prove(release: Release, plan: DeployPlan, wish: DeployWish, *, forgive: bool) -> None:
    """Every instance healthy in the engine and passing in the catalog.

    C(forgive) what ended before: it is not this release's fault, or ended while side targets came up.
    """
    service = release.color_service(plan.color)
    if service is None:
        raise DeliveryError(f"service '{release.engine_name(plan.color)}' vanished while it was being deployed")

    before = frozenset(task.id for task in release.engine.tasks(service) if task.ended) if forgive else frozenset()

    report = release.run.reporter(f"colour {plan.color}")
    proven: set[str] = set()
    while True:
        tasks = wait_until_healthy(
            release.engine,
            service,
            plan.instances,
            timeout=wish.timeout,
            before=before,
            max_failures=wish.max_failures,
            on_wait=report,
        )
        if proven == {task.id for task in tasks}:
            return
        # Looked at once more after that: a program without a health check may have ended meanwhile.
        proven = {task.id for task in tasks}
        wait_until_registered(release, plan.color, tasks, timeout=min(wish.timeout, 60.0), on_wait=report)


def clear(release: Release, service: ServiceState | None, color: str, wish: DeployWish) -> list[str]:
    """Make room for the candidate: remove what is left in its colour, after its last requests ended.

    Returns warnings.
    """
    if service is None:
        return []
    left = wait_until_drained(release, color, wish.drain_timeout)
    refuse_unknown(color, left)
    if left:
        raise DeliveryError(
            f"colour {color} of '{release.service}' still has open requests after {wish.drain_timeout:g} s "
            f"({', '.join(f'{name}: {count}' for name, count in left.items())}): wait for them, or raise drain_timeout"
        )
    withdraw(release, color, min(wish.timeout, CONFIRM_TIMEOUT))
    warnings = stop_service(release, service, wish.stop_timeout)
    remove_service(release, service)
    return warnings


def remove_service(release: Release, service: ServiceState) -> None:
    """Remove a stopped service, wait until its name is free, and take its configs and secrets along."""
    release.run.renew()
    release.engine.remove(service)
    if not wait_until(lambda: release.engine.service(service.name) is None, 30.0):
        raise DeliveryError(f"Docker did not remove service '{service.name}' within 30 s: look at docker service ps")
    release.engine.remove_unused(release.project, service.objects)


def discard(release: Release, color: str, wish: DeployWish) -> bool:
    """Remove a candidate that failed. False: it could not be removed; the next deploy does it."""
    try:
        service = release.color_service(color)
        if service is not None:
            # Read first, then the lock: a run that slept is refused here, or by the engine: the service was changed.
            release.run.renew()
            release.run.progress(f"removing the failed candidate {service.name}")
            route, _index = release.route.read()
            if route is not None and color in route.instances:  # a run was killed after it had prepared the proxies
                withdraw(release, color, min(wish.timeout, CONFIRM_TIMEOUT))
            stop_service(release, service, wish.stop_timeout)
            remove_service(release, service)
        release.record.change(
            lambda record: (
                record.without_candidate()
                if record.candidate is not None and record.candidate.color == color
                else record
            )
        )
    except DeliveryError:
        return False
    return True
