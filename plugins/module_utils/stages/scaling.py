# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Scaling a colour against its running count: up until the proxies use it, down after the proxies drained it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..consul.proxy_reports import Snapshot
from ..consul.registry import Instance
from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.scale import Scale
from ..core.waiting import wait_until
from ..evidence.confirmation import confirm, write_confirmed
from ..release.record import ReleaseRecord
from ..release.release import Release, Truth
from ..swarm.swarm_state import ServiceState, TaskState
from .health import belongs, wait_until_healthy, wait_until_registered

WHICH = ("live", "candidate", "both")
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
            running = truth.running.get(color, 0)
            if running == 0:
                raise DeliveryError(f"colour {color} of '{truth.service}' does not run, so there is nothing to scale")
            steps[color] = (running, resumed.get(color) or scale.resolve(running, minimum, maximum))
    targets = {color: after for color, (_before, after) in steps.items()}
    expected = truth.route.instances if truth.route is not None else {}
    unsettled = any(expected.get(color, wanted) != wanted for color, wanted in targets.items())
    goal = json.dumps({"scale": scale.text, "which": which, "wanted": targets}, sort_keys=True)
    return ScalePlan(steps, goal, unsettled or bool(truth.route is not None and truth.route.draining))


def predict_removed(tasks: Iterable[TaskState], count: int) -> list[TaskState]:
    """The tasks that Swarm will remove: those with the highest ordinal on their node (seen in 5 of 5 trials)."""
    ordinal: Counter[str] = Counter()
    ranked = []
    for task in sorted(tasks, key=lambda task: task.slot):
        ranked.append((ordinal[task.node_id], task.slot, task))
        ordinal[task.node_id] += 1
    ranked.sort(key=lambda one: (one[0], one[1]), reverse=True)
    return [task for _ordinal, _slot, task in ranked[:count]]


def scale_up(
    release: Release,
    service: ServiceState,
    color: str,
    wanted: int,
    *,
    timeout: float,
    drain_timeout: float,
    max_failures: int,
) -> dict[str, Any]:
    """Start instances until C(wanted) are healthy, registered and, if the proxies follow the colour, up there.

    What was started is stopped again when it fails; those that a proxy may use already are drained before.
    """
    before = frozenset(task.id for task in release.engine.tasks(service))
    old = service.replicas
    scaled = release.engine.scale(service, wanted)

    report = release.reporter(f"colour {color}")
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
        wait_until_registered(release.registry, release.color_name(color), tasks, timeout=timeout, on_wait=report)
        expect(release, color, wanted, timeout)
    except DeliveryError as error:
        take_back(release, color, old, error, timeout=timeout, drain_timeout=drain_timeout)
        raise
    return {}


def take_back(
    release: Release, color: str, old: int, error: DeliveryError, *, timeout: float, drain_timeout: float
) -> None:
    """Stop again what a failed scaling started; raises C(error), and why, when that cannot be done."""
    try:
        release.renew()
        current = release.color_service(color)
        if current is not None:
            scale_down(release, current, color, old, timeout=timeout, drain_timeout=drain_timeout)
    except DeliveryError as second:
        raise DeliveryError(
            f"{error}; and what was started could not be stopped again ({second}): mend that, then scale to {old}",
            **error.result,
        ) from error


def scale_down(
    release: Release, service: ServiceState, color: str, wanted: int, *, timeout: float, drain_timeout: float
) -> dict[str, Any]:
    """Drain those that Swarm will remove at the proxies, scale, and report where the prediction was wrong."""
    tasks = release.engine.tasks(service)
    running = [task for task in tasks if task.running]
    victims = predict_removed(running, max(0, len(running) - wanted))

    report = release.reporter(f"colour {color}")
    try:
        cut = drain(release, color, victims, timeout, drain_timeout)
        release.renew()
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
    except DeliveryError as error:
        # Nobody stays drained who is still there.
        try:
            undrain(release)
        except DeliveryError as second:
            error.result.setdefault("undo_error", str(second))
        raise
    wrong = sorted({task.id for task in left} & {task.id for task in victims})
    return {"cut": cut, "wrong_guesses": len(wrong)}


def wait_until_ended(release: Release, service: ServiceState, tasks: set[str], timeout: float) -> None:
    """Wait until the containers of these tasks ended: until then they are registered, and must stay drained.

    One on a node that is lost never ends as far as Swarm knows; after C(timeout) seconds it is left to the proxies' own
    checks.
    """

    def ended() -> bool:
        return all(task.ended for task in release.engine.tasks(service) if task.id in tasks)

    def report(_elapsed: float) -> None:
        release.renew()
        release.progress(f"waiting for {len(tasks)} containers of {service.name} to end")

    wait_until(ended, timeout, on_wait=report)


def drain(
    release: Release, color: str, victims: Sequence[TaskState], timeout: float, drain_timeout: float
) -> dict[str, int]:
    """Take instances out of rotation and wait for their open requests; returns what is still open per proxy."""
    route, index = release.route()
    if route is None or color not in route.instances:
        return {}
    _index, registered = release.registry.instances(release.color_name(color))
    draining = replace(route, revision=release.next_revision(route), draining=endpoints(victims, registered))
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
        release.renew()
        release.progress(f"{elapsed:.0f} s: draining {len(victims)} instances of colour {color}: {open_requests}")

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
    route, index = release.route()
    if route is not None and route.draining:
        release.write_route(replace(route, revision=release.next_revision(route), draining=()), index)


def expect(release: Release, color: str, instances: int, timeout: float) -> None:
    """Tell the proxies how many instances the colour has now, and wait until they use that many."""
    route, index = release.route()
    if route is not None and color in route.instances:
        if route.instances[color] != instances or route.draining:
            route = replace(
                route,
                revision=release.next_revision(route),
                instances={**route.instances, color: instances},
                draining=(),
            )
            write_confirmed(release, route, index, timeout, color, instances)
        else:
            confirm(release, route, timeout, color, instances)
    release.change_record(lambda record: record.with_instances(color, instances))
