# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Taking a colour out of use: its open requests end, and every proxy lets go of it, before anything is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..core.errors import DeliveryError
from ..ports.fleet import Snapshot, open_requests
from ..release.release import Release
from .confirmation import confirm, write_confirmed

# How long every proxy has to confirm a route that only takes something away, in seconds.
CONFIRM_TIMEOUT = 60.0


def wait_until_drained(release: Release, color: str, timeout: float) -> dict[str, int]:
    """Wait until no member has an open request of the colour; returns what is still open per proxy (empty: none)."""
    return _wait_until_none_is_open(
        release, f"colour {color}", timeout, lambda fleet: open_requests(release.service, color, fleet)
    )


def refuse_unknown(color: str, still_open: Mapping[str, int]) -> None:
    """Raise DeliveryError when a proxy cannot say what it has open: it may well be serving the colour."""
    unknown = sorted(name for name, count in still_open.items() if count < 0)
    if unknown:
        raise DeliveryError(
            f"exclude_proxies: {', '.join(unknown)} without a heartbeat may still serve colour {color}, so it was not "
            f"stopped: start its agent, or exclude it if it is gone for good"
        )


def withdraw(release: Release, color: str, timeout: float = CONFIRM_TIMEOUT) -> None:
    """Make the proxies let go of a colour that is not live, so that it can be stopped: every counting member proves it.

    Raises DeliveryError when the colour is live, or when a member does not confirm, for it may serve the colour still.
    """
    route, index = release.route.read()
    if route is None:
        return
    if route.split.live == color:
        raise DeliveryError(f"color '{color}' of '{release.service}' became live meanwhile: nothing was stopped")
    if color in route.instances or route.split.candidate == color:
        instances = {one: count for one, count in route.instances.items() if one != color}
        split = replace(route.split, candidate=None, percent=0)
        route = replace(
            route, revision=release.route.next_revision(route), instances=instances, split=split, preview=None
        )
        write_confirmed(release, route, index, timeout, route.split.live, 0)
    else:
        confirm(release, route, timeout, route.split.live, 0)


def wait_until_left(release: Release, timeout: float) -> dict[str, int]:
    """Wait until no request is open that came by a removed route; returns what still is per proxy (empty: none).

    A proxy that cannot say is not waited for: it confirmed the removal before, and so gives the service no new ones.
    """

    def left(fleet: Snapshot) -> dict[str, int]:
        gone = {name: proxy.removed.get(release.service) for name, proxy in fleet.items()}
        return {name: one.open for name, one in gone.items() if one is not None}

    return _wait_until_none_is_open(release, release.service, timeout, left)


def _wait_until_none_is_open(
    release: Release, what: str, timeout: float, counted: Callable[[Snapshot], Mapping[str, int]]
) -> dict[str, int]:
    """C(counted): the open requests of C(what) per proxy, below zero where nobody knows."""
    count: dict[str, int] = {}

    def none_is_open(fleet: Snapshot) -> bool:
        count.clear()
        count.update({name: number for name, number in counted(fleet).items() if number})
        return not count

    def report(elapsed: float, _fleet: Snapshot) -> None:
        release.run.renew()
        waiting = ", ".join(f"{name}: {number if number > 0 else 'unknown'}" for name, number in count.items())
        release.run.progress(f"{elapsed:.0f} s: open requests of {what}: {waiting}")

    release.fleet.wait_for(none_is_open, timeout, report)
    return dict(count)
