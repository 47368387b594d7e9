# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage adopt: rebuilding route and record of what users get, after the store lost them, from what there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import DeliveryError
from ..evidence.confirmation import Confirmation, confirm, write_confirmed
from ..ports.fleet import newest_route
from ..release.certainty import newer_live
from ..release.record import ColorRelease, ReleaseRecord
from ..release.release import Release
from ..release.run import utc_now
from ..release.truth import Truth
from ..routes.route import Route, Split, check_route
from . import proxy
from .refusals import refuse_conflicts

STAGE = "adopt"


@dataclass(frozen=True, slots=True)
class AdoptPlan:
    """C(route) is to stand again; C(stands): it does already. C(recorded): the record says so already."""

    route: Route
    stands: bool
    recorded: bool

    @property
    def changed(self) -> bool:
        """Whether anything is to be written."""
        return not (self.stands and self.recorded)


def found(truth: Truth) -> dict[str, Any]:
    """What each side knows: the colour by the route, what each proxy sends users to, what runs."""
    said = {name: member.acknowledgement(truth.service) for name, member in sorted(truth.fleet.items())}
    return {
        "route": truth.live,
        "proxies": {name: answer.live if answer is not None else None for name, answer in said.items()},
        "running": dict(truth.running),
    }


def plan_adopt(truth: Truth, record: ReleaseRecord, live: str | None, wish: proxy.RouteWish) -> AdoptPlan:
    """Decide from what there is; raises DeliveryError where that contradicts C(live), or does not suffice.

    The route is what a proxy still has in effect, else what C(wish) says.
    """
    known = found(truth)
    said = (
        f"the route says {known['route'] or 'nothing'}, "
        + "".join(f"proxy {name} sends users to {color or 'nobody'}, " for name, color in known["proxies"].items())
        + f"running are {', '.join(f'{color} {count}' for color, count in truth.running.items()) or 'no instances'}"
    )
    if live is None:
        raise DeliveryError(f"live is not given, and nothing is guessed: {said}; run it again with live=<colour>")
    # A store that went back says nothing of what users get: all proxies have something newer.
    outdated = newer_live(truth) is not None
    route_says = None if outdated else known["route"]
    others = {color for color in (route_says, *known["proxies"].values()) if color not in (None, live)}
    if others:
        raise DeliveryError(
            f"live '{live}' contradicts what users of '{truth.service}' get: {said}; adopt that colour, then send "
            f"users to the other one with stage proxy"
        )
    count = truth.running.get(live, 0)
    if count == 0:
        raise DeliveryError(
            f"live '{live}' of '{truth.service}' does not run: {said}; take away what the proxies keep of it with "
            f"playbooks/remove.yml, then deploy it"
        )
    service = truth.services.get(live)
    recorded = (
        not outdated
        and record.live is not None
        and (record.live.color, record.live.spec) == (live, service.spec if service is not None else "")
    )
    if truth.route is not None and not outdated:
        return AdoptPlan(truth.route, True, recorded)
    route = replace(_route(truth, live, wish), revision=truth.newest_revision + 1, instances={live: count})
    check_route(route)
    return AdoptPlan(route, False, recorded)


def adopt(release: Release, plan: AdoptPlan, truth: Truth, timeout: float) -> dict[str, Any]:
    """Write the route, let every proxy confirm it, then the record. Returns C(proxies), who confirmed when.

    Nothing is taken back on failure: the route is what users get, and to delete it would end that.
    """
    live = plan.route.split.live
    confirmed = confirm_route(release, plan, truth, timeout)
    service = truth.services.get(live)
    if service is not None and not plan.recorded:
        instances = truth.running.get(live, 0)
        known = ColorRelease(live, service.spec, service.image, instances, utc_now(), release.run.owner)
        release.record.change(lambda record: record.adopted(known, utc_now()))
    return {"proxies": confirmed.per_proxy()}


def confirm_route(release: Release, plan: AdoptPlan, truth: Truth, timeout: float) -> Confirmation:
    """Write the route where it does not stand yet, and wait for every proxy."""
    live = plan.route.split.live
    try:
        if plan.stands:
            return confirm(release, plan.route, timeout, live, 0)
        refuse_conflicts(release, plan.route)
        release.fleet.require_members()
        required = plan.route.instances[live]
        return write_confirmed(release, plan.route, truth.route_index, timeout, live, required)[1]
    except DeliveryError as error:
        raise DeliveryError(
            f"{error}; users of '{release.service}' stay on {live}, and the release record is not written: mend that, "
            f"then run adopt again",
            **error.result,
        ) from error


def _route(truth: Truth, live: str, wish: proxy.RouteWish) -> Route:
    kept = newest_route(truth.service, truth.fleet)
    if kept is not None:
        return replace(Route.from_document(kept), split=Split(live), preview=None, draining=())
    if truth.route is not None:
        own = truth.route.own(live)
        return replace(truth.route, split=Split(live), preview=None, draining=()).led_by(live, own)
    if not wish.paths:
        raise DeliveryError(
            f"service_path: no proxy has the route of '{truth.service}' any more, so say which paths it serves, for "
            f"example '/api/v1/books'"
        )
    own = proxy.own_of(wish, truth, live)
    return Route(truth.service, 1, wish.paths, Split(live), epoch=truth.epoch).led_by(live, own)
