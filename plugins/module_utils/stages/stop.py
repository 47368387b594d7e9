# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage stop-old: stop only what no proxy serves, after its open requests ended; also aborts a candidate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.waiting import wait_until
from ..evidence.draining import CONFIRM_TIMEOUT, refuse_unknown, wait_until_drained, withdraw
from ..ports.engine import ServiceState
from ..release.record import ReleaseRecord
from ..release.release import Release
from ..release.run import utc_now
from ..release.truth import Truth
from ..routes.route import Split

STAGE = "stop-old"
# What the engine needs to kill a container after its time to end by itself, in seconds.
KILLING = 10.0


@dataclass(frozen=True, slots=True)
class StopPlan:
    """C(color) None: there is nothing to stop, for the C(reason)."""

    color: str | None
    reason: str
    instances: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything is to be stopped."""
        return self.color is not None


def plan_stop(truth: Truth, record: ReleaseRecord, color: str | None, abort: bool) -> StopPlan:
    """Which colour to stop. Raises DeliveryError when the colour that was asked for is served by any proxy."""
    served = truth.served
    candidate = record.candidate.color if record.candidate is not None else None
    if color is None:
        if abort:
            if candidate is None:
                return StopPlan(None, "there is no candidate to abort")
            color = candidate
        elif not served:
            return StopPlan(None, "no route yet, so nothing is old; abort=true stops a candidate")
        else:
            color = next((one for one in COLORS if one not in served), None)
            if color is None:
                return StopPlan(None, "the proxies serve both colours")
            if color == candidate:
                return StopPlan(None, f"colour {color} is the candidate, not an old release; abort=true stops it")
    if color in served:
        raise DeliveryError(
            f"color '{color}' of '{truth.service}' is served by the proxies and must not be stopped: flip to the other "
            f"colour first (stage proxy)"
        )
    service = truth.services.get(color)
    route = truth.route
    idle = service is None or (service.replicas == 0 and truth.running.get(color, 0) == 0)
    if idle and (route is None or color not in route.instances):
        return StopPlan(None, f"colour {color} does not run")
    return StopPlan(color, "", truth.running.get(color, 0))


def after_flip(truth: Truth, record: ReleaseRecord, color: str) -> tuple[Truth, ReleaseRecord]:
    """What would hold after a flip to C(color) that check mode only planned."""
    route = truth.route and replace(truth.route, split=Split(color))
    return replace(truth, route=route, fleet={}), record.made_live(color, utc_now())


def warm_until(record: ReleaseRecord, keep_warm: int, now: str) -> str | None:
    """Until when the previous release stays up (ISO 8601, UTC), or None when that moment is over."""
    if keep_warm <= 0 or record.live_since is None:
        return None
    end = _seconds(record.live_since) + keep_warm
    if end <= _seconds(now):
        return None
    return datetime.fromtimestamp(end, tz=datetime.fromisoformat(record.live_since).tzinfo).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def stop(
    release: Release, color: str, drain_timeout: float, stop_timeout: float, confirm_timeout: float = CONFIRM_TIMEOUT
) -> dict[str, Any]:
    """Drain, withdraw from the proxies, scale to zero. The definition stays for a rollback.

    The order matters: every proxy has let go of the colour before its containers get the stop signal. Returns C(cut),
    the requests per proxy that were still open when the drain deadline passed, and C(warnings).
    """
    fenced = release.fence_services()
    cut = wait_until_drained(release, color, drain_timeout)
    refuse_unknown(color, cut)
    withdraw(release, color, confirm_timeout)
    service = fenced.get(color)
    warnings = []
    if service is not None:
        release.run.renew()
        warnings = stop_service(release, service, stop_timeout)
    release.record.change(lambda record: _stopped(record, color))
    return {"cut": cut, "warnings": warnings}


def time_to_end(service: ServiceState, timeout: float) -> float:
    """How long to wait for the containers of a service to end: C(timeout) seconds, but never less than its own
    C(stop_grace_period) and what killing takes, after which there is an end in any case.
    """
    return timeout if service.stop_grace < timeout or not service.stop_grace else service.stop_grace + KILLING


def stop_service(release: Release, service: ServiceState, timeout: float) -> list[str]:
    """Scale to zero with the version index as the fence, and wait until every container ended.

    Those on a node that is down are not waited for: the proxies have let go of the colour, and the engine ends them
    when the node is back. Returns one sentence for each such node, and one where C(timeout) is too short.
    """
    scaled = release.engine.scale(service, 0)
    lost: Counter[str] = Counter()
    patience = time_to_end(service, timeout)

    def ended() -> bool:
        tasks = release.engine.tasks(scaled)
        lost.clear()
        lost.update(task.node_address or task.node_id for task in tasks if task.lost)
        return all(task.gone for task in tasks)

    def report(_elapsed: float) -> None:
        release.run.renew()
        release.run.progress(f"waiting for the containers of {service.name} to end")

    if not wait_until(ended, patience, on_wait=report):
        raise DeliveryError(
            f"containers of service '{service.name}' did not end within {patience:g} s after the stop signal: look at "
            f"their node with docker service ps {service.name}"
        )
    longer = (
        f"stop_grace_period of service '{service.name}' is {service.stop_grace:g} s, not less than stop_timeout "
        f"({timeout:g} s): its containers had {patience:g} s to end, raise stop_timeout"
    )
    return [longer] * (patience > timeout) + [
        f"node {node} is down, {count} container{'s' if count > 1 else ''} of {service.name} may still run there"
        for node, count in sorted(lost.items())
    ]


def _stopped(record: ReleaseRecord, color: str) -> ReleaseRecord:
    stopped = record.with_instances(color, 0)
    if record.candidate is not None and record.candidate.color == color:
        return stopped.without_candidate()
    return stopped


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
