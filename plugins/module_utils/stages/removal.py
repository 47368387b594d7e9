# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Taking a route from the proxies, also one that only they still have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core.errors import DeliveryError
from ..evidence.confirmation import wait_until_gone, write_confirmed
from ..ports.fleet import newest_route
from ..release.release import Release
from ..release.truth import Truth
from ..routes.route import Route


def remove(release: Release, index: int, timeout: float) -> dict[str, Any]:
    """Delete the route (C(index) 0: it is deleted already) and wait until no counting member has a trace of it."""
    if index:
        release.route.delete(index)
    remaining = wait_until_gone(release, timeout)
    if remaining:
        raise DeliveryError(
            f"proxies that still have a trace of the route of '{release.service}' after {timeout:g} s: "
            f"{', '.join(remaining)} (repair it, or exclude it with exclude_proxies)"
        )
    return {}


def gives_up(truth: Truth) -> bool:
    """Whether give_up() would write anything."""
    return truth.route is not None or newest_route(truth.service, truth.fleet) is not None


def give_up(release: Release, truth: Truth, timeout: float) -> dict[str, Any]:
    """Delete the route, also one that the store lost and the proxies keep for that: it must be written once more, since
    they take no loss for a deletion."""
    index, kept = truth.route_index, newest_route(truth.service, truth.fleet)
    if truth.route is None and kept is not None:
        again = replace(Route.from_document(kept), revision=truth.newest_revision + 1)
        try:
            index, _who = write_confirmed(release, again, 0, timeout, again.split.live, 0)
        except DeliveryError:
            index = release.route.read()[1]  # whoever did not take it is named by what waits for the deletion
    return remove(release, index, timeout)
