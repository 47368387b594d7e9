# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What holds right now, whatever is recorded: what is live is what the route and the proxies say."""

from __future__ import annotations

from dataclasses import dataclass

from ..ports.engine import ServiceState
from ..ports.fleet import Snapshot, newest_revision, served_colors
from ..routes.route import Route


@dataclass(frozen=True, slots=True)
class Truth:
    """The route and its index, what each proxy says, and per colour the service and its number of running instances."""

    route: Route | None
    route_index: int
    fleet: Snapshot
    services: dict[str, ServiceState]
    running: dict[str, int]
    service: str

    @property
    def live(self) -> str | None:
        """The colour that users get by the route."""
        return self.route.split.live if self.route is not None else None

    @property
    def newest_revision(self) -> int:
        """The newest that the store or any proxy knows; see StoredRoute.next_revision()."""
        return max(self.route.revision if self.route is not None else 0, newest_revision(self.service, self.fleet))

    @property
    def served(self) -> set[str]:
        """Every colour that the route or any proxy sends users to: none of these may be stopped."""
        served = served_colors(self.service, self.fleet)
        if self.route is not None:
            served.add(self.route.split.live)
            if self.route.split.candidate is not None and self.route.split.percent > 0:
                served.add(self.route.split.candidate)
        return served
