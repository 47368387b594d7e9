# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage verify: proxies, engine and record agree, and go on agreeing for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import DeliveryError
from ..core.waiting import Deadline, wait_until
from ..ports.engine import TaskState
from ..release.release import Release
from ..release.status import drift
from ..release.truth import Truth

STAGE = "verify"


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What tells a release that works from one that fails: all agree without a break for C(steady) seconds, or half of
    C(timeout) if that is less, within C(timeout) seconds, while no more than C(max_failures) of its instances ended by
    themselves. One that flaps once is replaced meanwhile; a release that keeps failing never gets that far."""

    timeout: float
    steady: float
    max_failures: int


def verify(release: Release, how: Steadiness, clock: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """Look until all is steady; raises DeliveryError with what still disagreed, or with the instance that failed.

    A proxy whose front door refuses connections serves nobody and is only named, in C(warnings).
    """
    truth, dead = _look(release)
    before = {task.id for task in _tasks(release, truth) if task.failed}
    while_steady = min(how.steady, how.timeout / 2)
    since: list[Deadline] = []
    said: list[str] = []

    def steady() -> bool:
        nonlocal truth, dead
        truth, dead = _look(release)
        failed = [task for task in _tasks(release, truth) if task.failed and task.id not in before]
        if len(failed) > how.max_failures:
            raise _broken(release, truth, failed)
        said[:] = drift(truth, release.record.read())
        if said:
            since.clear()
            return False
        if not since:
            since.append(Deadline(while_steady, clock))
        return since[0].passed

    def report(elapsed: float) -> None:
        release.run.renew()
        release.run.progress(f"{elapsed:.0f} s: {said[0] if said else 'all agree, looking on'}")

    if not wait_until(steady, how.timeout, interval=0.2, max_interval=0.5, on_wait=report):
        raise DeliveryError(
            f"what users get of '{release.service}' was not steady within {how.timeout:g} s: "
            + ("; ".join(said) or f"all agreed for less than {while_steady:g} s"),
            drift=list(said),
        )
    warnings = [f"proxy {name} is dead, nothing listens at its front door: it was not asked" for name in dead]
    return {"drift": [], "warnings": warnings}


def _look(release: Release) -> tuple[Truth, list[str]]:
    """What holds, with the proxies that count, and the names of those that are dead."""
    truth = release.truth()
    _done, counting = release.fleet.wait_for(lambda _fleet: True, 0.0)
    return replace(truth, fleet=counting), sorted(set(truth.fleet) - set(counting))


def _tasks(release: Release, truth: Truth) -> list[TaskState]:
    service = truth.services.get(truth.live) if truth.live is not None else None
    return release.engine.tasks(service) if service is not None else []


def _broken(release: Release, truth: Truth, failed: list[TaskState]) -> DeliveryError:
    log = release.engine.task_log(failed[0].id)
    return DeliveryError(
        f"{len(failed)} instances of colour {truth.live} of '{release.service}' ended by themselves while users were "
        f"on it: {failed[0].reason}" + (f"; last log lines: {' | '.join(log)}" if log else ""),
        log=log,
    )
