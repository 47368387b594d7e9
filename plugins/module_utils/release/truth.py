# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What holds right now, whatever is recorded: what is live is what the route and the proxies say."""

from __future__ import annotations

from dataclasses import dataclass

from ..ports.engine import ServiceState
from ..ports.fleet import Snapshot, newest_epoch, newest_revision
from ..routes.route import Route
from ..routes.tombstone import Tombstone


@dataclass(frozen=True, slots=True)
class Truth:
    """The route and its index, what each proxy says, and per colour the service and its number of running instances.

    C(tombstone) stands in the place of a route that was removed.
    """

    route: Route | None
    route_index: int
    fleet: Snapshot
    services: dict[str, ServiceState]
    running: dict[str, int]
    service: str
    tombstone: Tombstone | None = None

    @property
    def live(self) -> str | None:
        """The colour that users get by the route."""
        return self.route.split.live if self.route is not None else None

    @property
    def newest_revision(self) -> int:
        """The newest that the store or any proxy knows; see StoredRoute.next_revision()."""
        stored = self.route or self.tombstone
        return max(stored.revision if stored is not None else 0, newest_revision(self.service, self.fleet))

    @property
    def epoch(self) -> int:
        """That of the next version: as that of the route that stands or stood there."""
        stored = self.route or self.tombstone
        return stored.epoch if stored is not None else newest_epoch(self.service, self.fleet)

    @property
    def serving(self) -> dict[str, str]:
        """By proxy, the colour that it sends users to.

        A route that the store lost leads nowhere once nothing runs for it and no proxy's check finds anything: it is a
        leftover, and does not count.
        """
        runs = any(self.running.values())
        said = {name: proxy.acknowledgement(self.service) for name, proxy in sorted(self.fleet.items())}
        return {
            name: one.live
            for name, one in said.items()
            if one is not None and one.live is not None and (runs or not (one.lost and one.is_idle))
        }

    @property
    def served(self) -> set[str]:
        """Every colour that the route or any proxy sends users to: none of these may be stopped."""
        served = set(self.serving.values())
        if self.route is not None:
            served.add(self.route.split.live)
            if self.route.split.candidate is not None and self.route.split.percent > 0:
                served.add(self.route.split.candidate)
        return served
