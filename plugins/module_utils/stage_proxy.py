# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage proxy: prepare on all members, flip together, confirmed by every proxy, else back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .color import COLORS, other
from .errors import DeliveryError
from .fleet import Proxy, Snapshot
from .release import Release, Truth, utc_now
from .release_record import ReleaseRecord
from .routes import Route, RouteOptions, Split, check_route, conflicts


@dataclass(frozen=True, slots=True)
class RouteWish:
    """What the operator asks for. C(color) None: the recorded candidate, else what is live.

    Empty C(paths) keep the present ones. C(percent) is the share of the candidate; 100 makes it live.
    """

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
        """Whether anything is to be written."""
        return self.before is None or not self.before.same_but_revision(self.after)


@dataclass
class Confirmation:
    """Which proxy confirmed when, in milliseconds after the write."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def skew_ms(self) -> float:
        """Between the first and the last proxy."""
        times = self.milliseconds.values()
        return round(max(times) - min(times), 1) if times else 0.0


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
    raise DeliveryError(
        f"stage proxy: '{truth.service}' has no healthy candidate to send users to: run the stage deploy first"
    )


def plan(wish: RouteWish, truth: Truth, record: ReleaseRecord) -> Plan:
    """What to write, decided from the truth; raises DeliveryError for what no proxy could serve."""
    color = choose_color(wish, truth, record)
    count = truth.running.get(color, 0)
    if count == 0:
        raise DeliveryError(
            f"stage proxy: colour '{color}' of '{truth.service}' has no healthy instance: run the stage deploy first"
        )
    before = truth.route
    paths = wish.paths or (before.paths if before is not None else ())
    if not paths:
        raise DeliveryError(
            f"service_path: '{truth.service}' has no route yet, so say which paths it serves, "
            "for example '/api/v1/books'"
        )
    hosts = wish.hosts if wish.hosts is not None else (before.hosts if before is not None else ())
    options = replace(before.options if before is not None else RouteOptions(), **wish.options)
    instances = {color: count}
    if before is None:
        after = Route(truth.service, 1, paths, Split(color), hosts, instances, options)
        check_route(after)
        return Plan(None, None, after, color, count)
    if before.split.live == color and before.split.percent == 0:
        kept = {**before.instances, color: count}
        after = replace(before, revision=before.revision + 1, paths=paths, hosts=hosts, options=options, instances=kept)
        check_route(after)
        return Plan(before, None, after, color, count)
    old = before.split.live if before.split.live != color else other(color)
    both = {**before.instances, color: count}
    if old in truth.running:
        both[old] = truth.running[old]
    # The candidate is followed and proven first, with the old paths: a path that only the new release knows must
    # not reach the old one.
    prepared = replace(before, revision=before.revision + 1, options=options, instances=both)
    after = replace(
        prepared,
        revision=before.revision + 2,
        paths=paths,
        hosts=hosts,
        split=Split(color, old, 0),
        preview=None,
        draining=(),
    )
    check_route(after)
    return Plan(before, prepared, after, color, count)


def refuse_conflicts(route: Route, others: list[Route]) -> None:
    """Two services cannot claim one key; raises DeliveryError that names the first."""
    claimed = conflicts(route, others)
    if claimed:
        key, service = claimed[0]
        raise DeliveryError(
            f"service_path: '{key}' is already routed to '{service}': choose another path or host, or remove that route"
        )


def apply(release: Release, decided: Plan, truth: Truth, timeout: float) -> dict[str, Any]:
    """Write the plan step by step, each confirmed by every counting member; on failure everything goes back."""
    refuse_conflicts(decided.after, release.other_routes())
    release.fleet.require_members()
    index, before = truth.route_index, decided.before
    prepared = Confirmation()
    try:
        if decided.prepared is not None:
            release.progress(f"preparing colour {decided.color} on every proxy")
            index = release.write_route(decided.prepared, index)
            prepared = confirm(release, decided.prepared, timeout, decided.color, decided.required)
        index = release.write_route(decided.after, index)
        committed = confirm(release, decided.after, timeout, decided.color, decided.required)
    except DeliveryError as error:
        error.result.update(undo(release, before, timeout))
        raise
    return {
        "revision": decided.after.revision,
        "proxies": {
            name: {"prepared_ms": prepared.milliseconds.get(name), "confirmed_ms": milliseconds}
            for name, milliseconds in committed.milliseconds.items()
        },
        "skew_ms": committed.skew_ms,
    }


def confirm(release: Release, route: Route, timeout: float, color: str, required: int) -> Confirmation:
    """Wait until every counting member has the revision in effect and C(required) servers of the colour up."""
    written, confirmation = time.monotonic(), Confirmation()

    def confirmed(fleet: Snapshot) -> bool:
        for name, proxy in fleet.items():
            said = proxy.acknowledgement(route.service)
            if said is not None and said.error and said.revision < route.revision:
                raise DeliveryError(
                    f"proxy '{name}' refuses revision {route.revision} of '{route.service}': {said.error}"
                )
            if _has(proxy, route, color, required) and name not in confirmation.milliseconds:
                confirmation.milliseconds[name] = round((time.monotonic() - written) * 1000, 1)
        return bool(fleet) and all(name in confirmation.milliseconds for name in fleet)

    def report(elapsed: float, fleet: Snapshot) -> None:
        release.renew()
        waiting = "; ".join(_missing(proxy, route, color, required) for proxy in fleet.values())
        release.progress(f"{elapsed:.0f} s: {waiting or 'no proxy answers'}")

    done, fleet = release.fleet.wait_for(confirmed, timeout, report)
    if done:
        return confirmation
    missing = [name for name in fleet if name not in confirmation.milliseconds]
    if not fleet:
        raise DeliveryError(
            f"no proxy is alive to take the route of '{route.service}': start the proxies (role "
            f"proxy), then run it again"
        )
    raise DeliveryError(
        f"proxies that did not confirm revision {route.revision} of '{route.service}' within {timeout:g} s: "
        + "; ".join(_missing(fleet[name], route, color, required) for name in missing)
        + " (repair it, or exclude it with exclude_proxies)"
    )


def undo(release: Release, before: Route | None, timeout: float) -> dict[str, Any]:
    """Write back what stood before, as a new revision. Returns C(mixed): whether some proxy did not confirm that."""
    route, index = release.route()
    if before is None:
        if route is not None:
            release.delete_route(index)
        return {"undone": True, "mixed": not wait_until_gone(release, timeout)}
    if route is None or route.same_but_revision(before):
        return {"undone": True, "mixed": False}
    restored = replace(before, revision=route.revision + 1)
    release.write_route(restored, index)
    release.progress("putting every proxy back")
    try:
        confirm(release, restored, timeout, before.split.live, 0)
    except DeliveryError as error:
        return {"undone": True, "mixed": True, "undo_error": str(error)}
    return {"undone": True, "mixed": False}


def remove(release: Release, index: int, timeout: float) -> None:
    """Delete the route and wait until no counting member has a trace of it."""
    release.delete_route(index)
    if not wait_until_gone(release, timeout):
        raise DeliveryError(
            f"some proxies still have a trace of the route of '{release.service}' after {timeout:g} s: see their log"
        )


def wait_until_gone(release: Release, timeout: float) -> bool:
    """Whether every counting member dropped the service in time."""

    def gone(fleet: Snapshot) -> bool:
        return all(proxy.alive and proxy.acknowledgement(release.service) is None for proxy in fleet.values())

    done, _fleet = release.fleet.wait_for(gone, timeout, lambda _elapsed, _fleet: release.renew())
    return done


def record_live(release: Release, color: str) -> None:
    """Record that every proxy serves the colour."""
    release.change_record(_made_live(color))


def _made_live(color: str) -> Callable[[ReleaseRecord], ReleaseRecord]:
    return lambda record: record.made_live(color, utc_now())


def _has(proxy: Proxy, route: Route, color: str, required: int) -> bool:
    said = proxy.acknowledgement(route.service)
    return proxy.alive and said is not None and said.revision >= route.revision and said.color(color).up >= required


def _missing(proxy: Proxy, route: Route, color: str, required: int) -> str:
    said = proxy.acknowledgement(route.service)
    if not proxy.alive:
        return f"{proxy.id} has no heartbeat"
    if said is None:
        return f"{proxy.id} does not know the service yet"
    if said.revision < route.revision:
        return f"{proxy.id} is at revision {said.revision}"
    return f"{proxy.id} has {said.color(color).up} of {required} instances of {color} up"
