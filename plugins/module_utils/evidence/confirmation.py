# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Evidence: a route is in effect when every proxy that counts says so, and gone when none has a trace of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..core.errors import DeliveryError
from ..ports.fleet import Proxy, Snapshot
from ..release.release import Release
from ..routes.route import Route


@dataclass
class Confirmation:
    """Which proxy confirmed when, in milliseconds after the write."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def skew_ms(self) -> float:
        """Between the first and the last proxy."""
        times = self.milliseconds.values()
        return round(max(times) - min(times), 1) if times else 0.0

    def per_proxy(self, prepared: Confirmation | None = None) -> dict[str, dict[str, float | None]]:
        """As a module returns it, with when the route of C(prepared) was confirmed before."""
        before = prepared.milliseconds if prepared is not None else {}
        return {
            name: {"prepared_ms": before.get(name), "confirmed_ms": milliseconds}
            for name, milliseconds in self.milliseconds.items()
        }


def write_confirmed(
    release: Release, route: Route, index: int, timeout: float, color: str, required: int
) -> tuple[int, Confirmation]:
    """Write a route (see StoredRoute.write) and wait for its confirmation; returns the new index and who did."""
    before = release.fleet.snapshot()
    written = release.route.write(route, index)
    return written, confirm(release, route, timeout, color, required, before)


def confirm(
    release: Release, route: Route, timeout: float, color: str, required: int, before: Snapshot | None = None
) -> Confirmation:
    """Wait until every counting member has the revision in effect and C(required) servers of the colour up.

    A refusal ends the wait at once; one that stood in a report of C(before) the write is about an older revision.
    """
    written, confirmation = time.monotonic(), Confirmation()

    def confirmed(fleet: Snapshot) -> bool:
        for name, proxy in fleet.items():
            said = proxy.acknowledgement(route.service)
            known = before.get(name) if before is not None else None
            fresh = known is None or known.order != proxy.order
            if said is not None and said.error and said.revision < route.revision and fresh:
                raise DeliveryError(
                    f"proxy '{name}' refuses revision {route.revision} of '{route.service}': {said.error}"
                )
            if _has(proxy, route, color, required) and name not in confirmation.milliseconds:
                confirmation.milliseconds[name] = round((time.monotonic() - written) * 1000, 1)
        return bool(fleet) and all(name in confirmation.milliseconds for name in fleet)

    def report(elapsed: float, fleet: Snapshot) -> None:
        release.run.renew()
        waiting = "; ".join(
            _missing(proxy, route, color, required)
            for name, proxy in fleet.items()
            if name not in confirmation.milliseconds
        )
        release.run.progress(f"{elapsed:.0f} s: {waiting or 'no proxy answers'}")

    done, fleet = release.fleet.wait_for(confirmed, timeout, report)
    if done:
        return confirmation
    missing = [name for name in fleet if name not in confirmation.milliseconds]
    if not fleet:
        raise DeliveryError(
            f"no proxy is alive to take the route of '{route.service}': start the proxies (role proxy), then run it "
            f"again"
        )
    raise DeliveryError(
        f"proxies that did not confirm revision {route.revision} of '{route.service}' within {timeout:g} s: "
        + "; ".join(_missing(fleet[name], route, color, required) for name in missing)
        + " (repair it, or exclude it with exclude_proxies)"
    )


def wait_until_gone(release: Release, revision: int, timeout: float) -> list[str]:
    """Wait until every counting member says that the route is gone by C(revision), a tombstone's.

    Returns, with the reason, those that have a trace of it, or that cannot say. That a member does not mention it
    proves nothing: it may not have heard of the route's last version yet.
    """
    remaining: list[str] = []

    def gone(fleet: Snapshot) -> bool:
        traces = ((name, _trace(proxy, release.service, revision)) for name, proxy in sorted(fleet.items()))
        remaining[:] = [f"{name} {trace}" for name, trace in traces if trace is not None]
        return not remaining

    def report(elapsed: float, _fleet: Snapshot) -> None:
        release.run.renew()
        release.run.progress(f"{elapsed:.0f} s: the route of {release.service} is still at {'; '.join(remaining)}")

    release.fleet.wait_for(gone, timeout, report)
    return list(remaining)


def _trace(proxy: Proxy, service: str, revision: int) -> str | None:
    said, gone = proxy.acknowledgement(service), proxy.removed.get(service)
    if not proxy.alive:
        return "has no heartbeat"
    if said is not None:
        return f"is at revision {said.revision}" + (f": {said.error}" if said.error else "")
    if gone is None or gone.revision < revision:
        return "does not know of its removal yet"
    return None


def _has(proxy: Proxy, route: Route, color: str, required: int) -> bool:
    said = proxy.acknowledgement(route.service)
    return (
        said is not None
        and said.revision >= route.revision
        and said.live == route.split.live
        and said.color(color).up >= required
    )


def _missing(proxy: Proxy, route: Route, color: str, required: int) -> str:
    said = proxy.acknowledgement(route.service)
    if not proxy.alive:
        return f"{proxy.id} has no heartbeat"
    if said is None:
        return f"{proxy.id} does not know the service yet"
    if said.revision < route.revision:
        return f"{proxy.id} is at revision {said.revision}" + (f": {said.error}" if said.error else "")
    if said.live != route.split.live:
        return f"{proxy.id} sends users to {said.live or 'nobody'} by revision {said.revision}"
    return f"{proxy.id} has {said.color(color).up} of {required} instances of {color} up"
