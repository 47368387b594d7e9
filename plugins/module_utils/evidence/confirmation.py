# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Evidence: a route is in effect when every proxy that counts says so, and gone when none has a trace of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..core.errors import DeliveryError
from ..ports.fleet import Proxy, Snapshot
from ..release.release import Release
from ..routes.route import Route
from .blame import blame
from .health import last_lines, refuse_failed


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


@dataclass(frozen=True, slots=True)
class Start:
    """How long instances may take to their first answer, in seconds, and how many may end by themselves meanwhile."""

    timeout: float
    max_failures: int = 3


class Patience:
    """How long is waited: C(starting) seconds for first answers, C(timeout) for all else or since the last of them.

    C(waited) is how long that was, for people.
    """

    def __init__(self, timeout: float, starting: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.waited = timeout
        self._timeout, self._starting, self._clock = timeout, max(starting, timeout), clock
        self._began = self._since = clock()

    def is_over(self, *, starting: bool) -> bool:
        """Whether to give up. C(starting): all that is missing is that instances, which run, give a first answer."""
        now = self._clock()
        if starting:
            self._since = now
        self.waited = max(self._timeout, float(round(now - self._began)))
        return now - self._began >= self._starting if starting else now - self._since >= self._timeout


def write_confirmed(
    release: Release,
    route: Route,
    index: int,
    timeout: float,
    color: str,
    required: int,
    *,
    start: Start | None = None,
    instead_of: Route | None = None,
) -> tuple[int, Confirmation]:
    """Write a route (see StoredRoute.write) and wait for its confirmation; returns the new index and who did."""
    before = release.fleet.snapshot()
    written = release.route.write(route, index)
    return written, confirm(release, route, timeout, color, required, before, start=start, instead_of=instead_of)


def confirm(
    release: Release,
    route: Route,
    timeout: float,
    color: str,
    required: int,
    before: Snapshot | None = None,
    *,
    start: Start | None = None,
    instead_of: Route | None = None,
) -> Confirmation:
    """Wait until every counting member has the revision in effect and C(required) servers of the colour up.

    A refusal of what was written ends the wait at once: C(before) is the fleet before that. An error of something older
    may be gone in a moment, for example because the disk has room again. Where C(start) is given, instances that have
    yet to give their first answer are waited for that long. C(instead_of): this route takes that one back, so a proxy
    that refuses it but never took the other one either confirms it too, if users are where it sends them.
    """
    written, confirmation = time.monotonic(), Confirmation()
    patience = Patience(timeout, start.timeout if start is not None else 0.0)
    watched = _Instances(release, color, required, start)

    def settled(fleet: Snapshot) -> bool:
        for name, proxy in fleet.items():
            if name not in confirmation.milliseconds and (
                _has(proxy, route, color, required) or _keeps(proxy, route, instead_of, before)
            ):
                confirmation.milliseconds[name] = round((time.monotonic() - written) * 1000, 1)
            elif _refuses(proxy, route, before) and not _keeps(proxy, route, instead_of, before):
                said = proxy.acknowledgement(route.service)
                raise DeliveryError(
                    f"proxy '{name}' refuses revision {route.revision} of '{route.service}': "
                    f"{said.error if said is not None else ''}"
                )
        missing = [proxy for name, proxy in fleet.items() if name not in confirmation.milliseconds]
        if fleet and not missing:
            return True
        starting = bool(missing) and all(_starts(proxy, route, color, required) for proxy in missing)
        return patience.is_over(starting=starting)

    def report(elapsed: float, fleet: Snapshot) -> None:
        release.run.renew()
        watched.refuse_failed()
        waiting = "; ".join(
            _missing(proxy, route, color, required)
            for name, proxy in fleet.items()
            if name not in confirmation.milliseconds
        )
        release.run.progress(f"{elapsed:.0f} s: {waiting or 'no proxy answers'}")

    at_most = timeout + (start.timeout if start is not None else 0.0)
    _settled, fleet = release.fleet.wait_for(settled, at_most, report)
    missing = {name: proxy for name, proxy in fleet.items() if name not in confirmation.milliseconds}
    if fleet and not missing:
        return confirmation
    if not fleet:
        raise DeliveryError(
            f"no proxy is alive to take the route of '{route.service}': start the proxies (role proxy), then run it "
            f"again"
        )
    raise _unconfirmed(release, route, patience.waited, color, required, fleet, missing)


def _unconfirmed(
    release: Release,
    route: Route,
    waited: float,
    color: str,
    required: int,
    fleet: Snapshot,
    missing: Snapshot,
) -> DeliveryError:
    sentence = (
        f"proxies that did not confirm revision {route.revision} of '{route.service}' within {waited:g} s: "
        + "; ".join(_missing(proxy, route, color, required) for proxy in missing.values())
    )
    behind = [name for name, proxy in missing.items() if not _follows(proxy, route)]
    if behind:
        return DeliveryError(f"{sentence} (repair {', '.join(behind)}, or exclude it with exclude_proxies)")
    colors = {
        name: said.color(color) for name, proxy in fleet.items() if (said := proxy.acknowledgement(route.service))
    }
    verdict = blame(release, color, required, route.own(color).check_path, colors)
    return DeliveryError(
        f"{sentence}; {verdict.sentence}{last_lines(verdict.log)}", reason=verdict.sentence, log=verdict.log
    )


class _Instances:
    """The instances of a colour while they are waited for: those that end by themselves are not waited for long."""

    def __init__(self, release: Release, color: str, required: int, start: Start | None) -> None:
        self._release, self._color, self._required, self._start = release, color, required, start
        self._before: frozenset[str] | None = None

    def refuse_failed(self) -> None:
        """Raise DeliveryError when too many ended since this was first asked."""
        service = self._release.color_service(self._color) if self._start is not None else None
        if service is None or self._start is None:
            return
        if self._before is None:
            self._before = frozenset(task.id for task in self._release.engine.tasks(service) if task.failed)
        refuse_failed(self._release.engine, service, self._required, self._before, self._start.max_failures)


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


def _follows(proxy: Proxy, route: Route) -> bool:
    """Whether it has the revision in effect; how many instances are up is another question."""
    said = proxy.acknowledgement(route.service)
    return proxy.alive and said is not None and said.revision >= route.revision and said.live == route.split.live


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
    return said is not None and _follows(proxy, route) and said.color(color).up >= required


def _refuses(proxy: Proxy, route: Route, before: Snapshot | None) -> bool:
    """Whether it has read what was written, and has something against it."""
    said = proxy.acknowledgement(route.service)
    if before is None or said is None or not said.error or said.revision >= route.revision:
        return False
    if said.written is not None:
        return said.written >= route.revision
    known = before.get(proxy.id)
    return known is None or known.order != proxy.order


def _keeps(proxy: Proxy, route: Route, instead_of: Route | None, before: Snapshot | None) -> bool:
    """Whether it never took the other route, and so has nothing to take back."""
    said = proxy.acknowledgement(route.service)
    return (
        instead_of is not None
        and said is not None
        and proxy.alive
        and _refuses(proxy, route, before)
        and said.revision < instead_of.revision
        and said.live == route.split.live
    )


def _starts(proxy: Proxy, route: Route, color: str, required: int) -> bool:
    said = proxy.acknowledgement(route.service)
    if said is None or not _follows(proxy, route):
        return False
    status = said.color(color)
    return status.servers >= required and any(not one.answered for one in status.failing)


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
    status = said.color(color)
    return f"{proxy.id} has {status.up} of {required} instances of {color} up{status.why}"
