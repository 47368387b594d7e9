# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage proxy: prepare on all members, flip together, confirmed by every proxy, else back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.color import COLORS, other
from ..core.errors import DeliveryError
from ..evidence.confirmation import Confirmation, Start, confirm, write_confirmed
from ..evidence.draining import wait_until_drained
from ..evidence.front_door import ask_all
from ..release.record import ReleaseRecord
from ..release.release import Release
from ..release.run import utc_now
from ..release.truth import Truth
from ..routes.route import ColorRoute, Route, Split, check_route
from ..routes.tombstone import Tombstone
from .refusals import refuse_conflicts
from .removal import confirm_gone, forget

STAGE = "proxy"


@dataclass(frozen=True, slots=True)
class RouteWish:
    """What the operator asks for; see own_of(). C(color) None: the recorded candidate, else what is live."""

    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None
    color: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """From what stands to what shall stand. C(prepared) is None where there is nothing to prepare."""

    before: Route | None
    prepared: Route | None
    after: Route
    color: str
    required: int

    @property
    def changed(self) -> bool:
        """Whether anything is to be written: also where a proxy has a newer revision, and so takes no older one."""
        return (
            self.before is None
            or not self.before.same_but_revision(self.after)
            or (self.prepared or self.after).revision != self.before.revision + 1
        )


@dataclass(frozen=True, slots=True)
class Flip:
    """How a flip is proven. Seconds for each step, how instances may start before the first, a path that is asked for
    through every proxy, and how long to wait, afterwards, until the requests that are open on the old colour ended."""

    timeout: float
    start: Start | None = None
    front_door_path: str | None = None
    drain_timeout: float = 0


def choose_color(wish: RouteWish, truth: Truth, record: ReleaseRecord) -> str:
    """The colour to serve: the one that was asked for, else the recorded candidate if it runs, else the live one."""
    if wish.color is not None:
        return wish.color
    if record.candidate is not None and truth.running.get(record.candidate.color, 0) > 0:
        return record.candidate.color
    if truth.live is not None:
        return truth.live
    running = [color for color in COLORS if truth.running.get(color, 0) > 0]
    if len(running) == 1:
        return running[0]
    raise DeliveryError(f"'{truth.service}' has no healthy candidate to send users to: run the stage deploy first")


def plan(wish: RouteWish, truth: Truth, record: ReleaseRecord) -> Plan:
    """What to write, decided from the truth; raises DeliveryError for what no proxy could serve."""
    color = choose_color(wish, truth, record)
    count = truth.running.get(color, 0)
    if count == 0:
        raise DeliveryError(
            f"colour '{color}' of '{truth.service}' has no healthy instance: run the stage deploy first"
        )
    before, revision = truth.route, truth.newest_revision + 1
    own = own_of(wish, truth, color)
    if before is None:
        after = Route(
            truth.service, revision, own.paths, Split(color), instances={color: count}, epoch=truth.epoch
        ).led_by(color, own)
        check_route(after)
        return Plan(None, None, after, color, count)
    # Under the lock nobody is scaling: what is still drained was left by a scaling that was killed.
    before_without_draining = replace(before, draining=())
    if before.split.live == color and before.split.percent == 0:
        kept = {**before.instances, color: count}
        after = replace(before_without_draining, revision=revision, instances=kept)
        if color in before.releases or replace(own, spec="") != before.own(color):
            after = after.led_by(color, own)
        check_route(after)
        return Plan(before, None, after, color, count)
    old = before.split.live if before.split.live != color else other(color)
    # What runs counts, not what the route remembers: somebody may have removed the old colour's service altogether.
    both = {**before.instances, color: count, old: truth.running.get(old, 0)}
    # The candidate is followed and proven first, by its own options. Users still come in by the old release's paths,
    # and the old colour is treated as its own release asked: nothing of the new one reaches it.
    releases = {**before.releases, old: before.own(old), color: own}
    prepared = replace(before_without_draining, revision=revision, instances=both, releases=releases)
    flipped = replace(prepared, revision=revision + 1, split=Split(color, old, 0), preview=None)
    after = flipped.led_by(color, own)
    check_route(after)
    return Plan(before, prepared, after, color, count)


def own_of(wish: RouteWish, truth: Truth, color: str) -> ColorRoute:
    """What the colour's release asks of the proxies: the wish, over what that same release asked for before.

    So a rollback, which wishes for nothing, gets paths, hosts and options back. A new release starts from the present
    paths and hosts and from the defaults of all options: what a setting is no longer said of is taken back.
    """
    before = truth.route
    service = truth.services.get(color)
    spec = service.spec if service is not None else ""
    known = before.releases.get(color) if before is not None else None
    if before is not None and known is None and color == before.split.live:
        known = replace(before.own(color), spec=spec)
    if known is None or known.spec != spec:
        known = ColorRoute(*((before.paths, before.hosts) if before is not None else ((), ())), spec=spec)
    own = replace(
        known,
        paths=wish.paths or known.paths,
        hosts=wish.hosts if wish.hosts is not None else known.hosts,
        options=replace(known.options, **wish.options),
    )
    if not own.paths:
        raise DeliveryError(
            f"service_path: '{truth.service}' has no route yet, so say which paths it serves, "
            "for example '/api/v1/books'"
        )
    return own


def foretell(release: Release, decided: Plan) -> dict[str, Any]:
    """What a flip would refuse although the plan is sound."""
    refuse_conflicts(release, decided.after)
    return {}


def flip(release: Release, decided: Plan, truth: Truth, how: Flip) -> dict[str, Any]:
    """Send users to the colour, ask through every front door, record it, wait for what is open on the old one."""
    confirmed = apply(
        release, decided, truth, how.timeout, lambda route: ask_front_doors(release, route, how), start=how.start
    )
    record_live(release, decided.color)
    return {**confirmed, **wait_for_the_old(release, decided, how)}


def settle(release: Release, decided: Plan, how: Flip) -> dict[str, Any]:
    """Users are on the colour already: make sure that every proxy agrees, and finish what a killed run did not."""
    standing = decided.before or decided.after
    confirm(release, standing, how.timeout, decided.color, 0)
    try:
        ask_front_doors(release, standing, how)
    except DeliveryError as error:
        raise DeliveryError(
            f"{error}; users were on colour {decided.color} before this run, so nothing was taken back: run the stage "
            f"rollback if they should leave it"
        ) from error
    record_live(release, decided.color)
    return wait_for_the_old(release, decided, how)


def ask_front_doors(release: Release, route: Route, how: Flip) -> None:
    """One request through every proxy where a path for it is named; raises DeliveryError for a bad answer."""
    if how.front_door_path:
        ask_all(release.fleet.snapshot(), route, how.front_door_path)


def wait_for_the_old(release: Release, decided: Plan, how: Flip) -> dict[str, Any]:
    """Returns C(still_open): requests per proxy on the old colour that outlasted the time to wait."""
    if not how.drain_timeout:
        return {"still_open": {}}
    return {"still_open": wait_until_drained(release, other(decided.color), how.drain_timeout)}


def shown(route: Route | None) -> dict[str, Any]:
    """What a diff says of a route. The digest of the preview token is no secret, but it has no place there either."""
    return {} if route is None else {name: value for name, value in route.to_document().items() if name != "preview"}


def apply(
    release: Release,
    decided: Plan,
    truth: Truth,
    timeout: float,
    prove: Callable[[Route], None] = lambda _route: None,
    *,
    start: Start | None = None,
) -> dict[str, Any]:
    """Write the plan step by step, each confirmed by every counting member; on failure everything goes back.

    C(start): how long the first step waits for instances that have yet to answer.
    C(prove) is called at the end with the route that is in effect then, and may raise DeliveryError too.
    """
    refuse_conflicts(release, decided.after)
    release.fleet.require_members()
    index, prepared = truth.route_index, Confirmation()
    try:
        if decided.prepared is not None:
            release.run.progress(f"preparing colour {decided.color} on every proxy")
            index, prepared = write_confirmed(
                release, decided.prepared, index, timeout, decided.color, decided.required, start=start
            )
        _index, committed = write_confirmed(
            release,
            decided.after,
            index,
            timeout,
            decided.color,
            decided.required,
            start=start if decided.prepared is None else None,
        )
        prove(decided.after)
    except DeliveryError as error:
        outcome = undo(release, decided, timeout)
        error.result.update(outcome)
        if outcome["mixed"]:
            raise DeliveryError(
                f"{error}; and not every proxy could be put back ({outcome['undo_error']}): the state is mixed, run "
                f"the stage proxy again",
                **error.result,
            ) from error
        raise
    except BaseException:
        undo(release, decided, timeout)  # whatever went wrong, users go back to the old release
        raise
    return {
        "revision": decided.after.revision,
        "proxies": committed.per_proxy(prepared),
        "skew_ms": committed.skew_ms,
    }


def undo(release: Release, decided: Plan, timeout: float) -> dict[str, Any]:
    """Write back what stood before, as a new revision. Never raises, so that it does not hide what went wrong.

    Returns C(undone), C(mixed) (whether some proxy may not be back) and, if so, C(undo_error). A route that is not of
    this plan was written by somebody else and stays. A proxy that takes no route at all, this plan's neither, is back.
    """
    try:
        route, index = release.route.read()
        if route is None or route not in (decided.prepared, decided.after):
            return {"undone": True, "mixed": False}
        release.run.progress("putting every proxy back")
        if decided.before is None:
            stone = Tombstone(release.service, release.route.next_revision(route), route.epoch, utc_now())
            release.route.remove(stone, index)
            confirm_gone(release, stone, timeout)
            forget(release)
        else:
            restored = replace(decided.before, revision=release.route.next_revision(route))
            write_confirmed(release, restored, index, timeout, restored.split.live, 0, instead_of=decided.after)
    except DeliveryError as error:
        return {"undone": False, "mixed": True, "undo_error": str(error)}
    return {"undone": True, "mixed": False}


def record_live(release: Release, color: str) -> None:
    """Record that every proxy serves the colour."""
    release.record.change(_made_live(color))


def _made_live(color: str) -> Callable[[ReleaseRecord], ReleaseRecord]:
    return lambda record: record.made_live(color, utc_now())
