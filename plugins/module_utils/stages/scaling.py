# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Scaling a colour against its running count: up until the proxies use it, down after the proxies drained it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.color import COLORS
from ..core.errors import DeliveryError, add_result, result_of
from ..core.scale import Scale
from ..core.waiting import wait_until
from ..evidence.confirmation import confirm, write_confirmed
from ..evidence.health import wait_until_healthy
from ..evidence.registration import belongs, wait_until_registered
from ..ports.catalog import Instance
from ..ports.engine import ServiceState, TaskState
from ..ports.fleet import Snapshot
from ..release.record import ReleaseRecord
from ..release.release import Release
from ..release.truth import Truth
from .stop import time_to_end

STAGE = "scale"


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """From how many to how many, per colour.

    C(unsettled): the proxies were not told yet, because a scaling was killed. C(goal) is what the journal says of it.
    """

    steps: dict[str, tuple[int, int]]
    goal: str
    unsettled: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything is to be done."""
        return self.unsettled or any(before != after for before, after in self.steps.values())


def plan_scale(
    truth: Truth, record: ReleaseRecord, scale: Scale, which: str, minimum: int, maximum: int | None
) -> ScalePlan:
    """What C(which) (live, candidate or both) means now, and the numbers; raises DeliveryError when it runs nowhere.

    The same command after one that was killed goes on to where that one was going: C(+2) is not added twice.
    """
    candidate = record.candidate.color if record.candidate is not None else None
    live = truth.live
    if which != "candidate" and live is None:
        raise DeliveryError(
            f"which '{which}': '{truth.service}' has no live colour yet: run the stage proxy first, or scale "
            f"the candidate"
        )
    if which == "candidate" and candidate is None:
        raise DeliveryError(f"which 'candidate': '{truth.service}' has no candidate: run the stage deploy first")
    wanted = {"live": {live}, "candidate": {candidate}, "both": {live, candidate}}[which]
    started = json.loads(record.unfinished(STAGE) or "{}")
    resumed = started.get("wanted", {}) if (started.get("scale"), started.get("which")) == (scale.text, which) else {}
    steps: dict[str, tuple[int, int]] = {}
    for color in COLORS:
        if color in wanted:
            service = truth.services.get(color)
            if service is None:
                raise DeliveryError(f"colour {color} of '{truth.service}' does not run, so there is nothing to scale")
            # What shall run, not what does: an instance that is just being replaced must not make +1 a step down, and
            # what was scaled to zero can come back.
            goal_before = resumed.get(color)
            goal_now = scale.resolve(service.replicas, minimum, maximum) if goal_before is None else goal_before
            # That so many are wanted already does not mean that they run: then they are waited for.
            start = (
                min(service.replicas, truth.running.get(color, 0)) if goal_now == service.replicas else service.replicas
            )
            steps[color] = (start, goal_now)
    targets = {color: after for color, (_before, after) in steps.items()}
    expected = truth.route.instances if truth.route is not None else {}
    unsettled = any(expected.get(color, wanted) != wanted for color, wanted in targets.items())
    goal = json.dumps({"scale": scale.text, "which": which, "wanted": targets}, sort_keys=True)
    return ScalePlan(steps, goal, unsettled or bool(truth.route is not None and truth.route.draining))


def scale(
    release: Release, plan: ScalePlan, *, timeout: float, drain_timeout: float, max_failures: int
) -> dict[str, Any]:
    """Carry the plan out, colour by colour. Returns C(cut) and C(wrong_guesses) of what was scaled down."""
    result: dict[str, Any] = {}
    for color, (old, new) in plan.steps.items():
        service = release.fence_services()[color]
        if new > old:
            scale_up(
                release,
                service,
                color,
                new,
                timeout=timeout,
                drain_timeout=drain_timeout,
                max_failures=max_failures,
            )
        elif new < old:
            result.update(scale_down(release, service, color, new, timeout=timeout, drain_timeout=drain_timeout))
        else:
            expect(release, color, new, timeout)
    return result


def scale_up(
    release: Release,
    service: ServiceState,
    color: str,
    wanted: int,
    *,
    timeout: float,
    drain_timeout: float,
    max_failures: int,
) -> None:
    """Start instances until C(wanted) are healthy, registered and, if the proxies follow the colour, up there.

    What was started is stopped again when it fails; those that a proxy may use already are drained before.
    """
    before = frozenset(task.id for task in release.engine.tasks(service))
    old = service.replicas
    scaled = release.engine.scale(service, wanted)

    report = release.run.reporter(f"colour {color}")
    try:
        tasks = wait_until_healthy(
            release.engine,
            scaled,
            wanted,
            timeout=timeout,
            before=before,
            max_failures=max_failures,
            on_wait=report,
        )
        wait_until_registered(release, color, tasks, timeout=timeout, on_wait=report)
        expect(release, color, wanted, timeout)
    except Exception as error:
        if old != wanted:
            take_back(release, color, old, error, timeout=timeout, drain_timeout=drain_timeout)
        elif isinstance(error, DeliveryError):
            raise DeliveryError(
                f"{error}; {wanted} instances were wanted before this run already, so nothing was taken back: mend "
                f"what fails, or scale to fewer",
                **error.result,
            ) from error
        raise


def take_back(
    release: Release, color: str, old: int, error: Exception, *, timeout: float, drain_timeout: float
) -> None:
    """Stop again what a failed scaling started; raises C(error), and why, when that cannot be done."""
    try:
        release.run.renew()
        current = release.color_service(color)
        if current is not None:
            scale_down(release, current, color, old, timeout=timeout, drain_timeout=drain_timeout)
    except DeliveryError as second:
        raise DeliveryError(
            f"{error}; and what was started could not be stopped again ({second}): mend that, then scale to {old}",
            **result_of(error),
        ) from error


def scale_down(
    release: Release, service: ServiceState, color: str, wanted: int, *, timeout: float, drain_timeout: float
) -> dict[str, Any]:
    """Drain those that will go at the proxies, scale, and report where the engine took others."""
    tasks = release.engine.tasks(service)
    running = [task for task in tasks if task.running]
    victims = release.engine.leaving_first(running, max(0, len(running) - wanted))

    report = release.run.reporter(f"colour {color}")
    try:
        cut = drain(release, color, victims, timeout, drain_timeout)
        release.run.renew()
        scaled = release.engine.scale(service, wanted)
        left = wait_until_healthy(
            release.engine,
            scaled,
            wanted,
            timeout=timeout,
            before=frozenset(task.id for task in tasks),
            on_wait=report,
        )
        wait_until_ended(release, scaled, {task.id for task in running} - {task.id for task in left}, timeout)
        expect(release, color, wanted, timeout)
    except Exception as error:
        # Nobody stays drained who is still there.
        try:
            undrain(release)
        except DeliveryError as second:
            add_result(error, undo_error=str(second))
        raise
    wrong = sorted({task.id for task in left} & {task.id for task in victims})
    return {"cut": cut, "wrong_guesses": len(wrong)}


def wait_until_ended(release: Release, service: ServiceState, tasks: set[str], timeout: float) -> None:
    """Wait until the containers of these tasks ended: until then they are registered, and must stay drained.

    One on a node that is down is not waited for, and after C(timeout) seconds the others are left to the proxies' own
    checks.
    """

    def ended() -> bool:
        return all(task.gone for task in release.engine.tasks(service) if task.id in tasks)

    def report(_elapsed: float) -> None:
        release.run.renew()
        release.run.progress(f"waiting for {len(tasks)} containers of {service.name} to end")

    wait_until(ended, time_to_end(service, timeout), on_wait=report)


def drain(
    release: Release, color: str, victims: Sequence[TaskState], timeout: float, drain_timeout: float
) -> dict[str, int]:
    """Take instances out of rotation and wait for their open requests; returns what is still open per proxy."""
    route, index = release.route.read()
    if route is None or color not in route.instances:
        return {}
    draining = replace(
        route, revision=release.route.next_revision(route), draining=endpoints(victims, release.registered(color))
    )
    write_confirmed(release, draining, index, timeout, color, 0)
    open_requests: dict[str, int] = {}

    def drained(fleet: Snapshot) -> bool:
        open_requests.clear()
        for name, proxy in fleet.items():
            said = proxy.acknowledgement(release.service)
            count = -1 if said is None else said.color(color).draining
            if count:
                open_requests[name] = count
        return not open_requests

    def report(elapsed: float, _fleet: Snapshot) -> None:
        release.run.renew()
        release.run.progress(f"{elapsed:.0f} s: draining {len(victims)} instances of colour {color}: {open_requests}")

    release.fleet.wait_for(drained, drain_timeout, report)
    return dict(open_requests)


def endpoints(tasks: Iterable[TaskState], registered: Iterable[Instance]) -> tuple[str, ...]:
    """The tasks as the proxies know them, C(address:port), sorted."""
    wanted = list(tasks)
    return tuple(
        sorted(
            f"{instance.address}:{instance.port}"
            for instance in registered
            if any(belongs(instance, task) for task in wanted)
        )
    )


def undrain(release: Release) -> None:
    """Let every instance of the service have requests again."""
    route, index = release.route.read()
    if route is not None and route.draining:
        release.route.write(replace(route, revision=release.route.next_revision(route), draining=()), index)


def expect(release: Release, color: str, instances: int, timeout: float) -> None:
    """Tell the proxies how many instances the colour has now, and wait until they use that many."""
    route, index = release.route.read()
    if route is not None and color in route.instances:
        if route.instances[color] != instances or route.draining:
            route = replace(
                route,
                revision=release.route.next_revision(route),
                instances={**route.instances, color: instances},
                draining=(),
            )
            write_confirmed(release, route, index, timeout, color, instances)
        else:
            confirm(release, route, timeout, color, instances)
    release.record.change(lambda record: record.with_instances(color, instances))
