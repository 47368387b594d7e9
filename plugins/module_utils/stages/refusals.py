# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What users are not sent to, found out before any proxy is touched."""

from __future__ import annotations

from ..core.errors import DeliveryError
from ..evidence.health import why_none_runs
from ..release.known_targets import owner_of, recorded_targets, removal_command
from ..release.release import Release
from ..release.truth import Truth
from ..routes.route import Route, conflicts


def refuse_conflicts(release: Release, route: Route) -> None:
    """Two services cannot claim one key; raises DeliveryError that names the first, and what takes it away."""
    claimed = conflicts(route, release.route.others())
    if claimed:
        key, service = claimed[0]
        owner = owner_of(service, recorded_targets(release.store, release.prefix))
        raise DeliveryError(
            f"service_path: '{key}' is already routed to '{service}': choose another path or host, or, if nobody needs "
            f"that any more, take it away with {removal_command(owner)}"
        )


def refuse_dead(release: Release, truth: Truth, color: str | None) -> None:
    """Users cannot be sent to what ended since it was deployed; raises DeliveryError that says why it did."""
    service = truth.services.get(color) if color is not None and not truth.running.get(color) else None
    why = why_none_runs(release.engine, service) if service is not None else None
    if why is not None:
        raise why
