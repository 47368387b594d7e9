# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One target, with the parts that its stages work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.names import color_name, default_service_name, service_name
from ..ports.catalog import Catalog, Instance
from ..ports.engine import Engine, ServiceState
from ..ports.fleet import Fleet
from ..ports.store import Store
from .keys import Keys
from .run import Run
from .stored_record import StoredRecord
from .stored_route import StoredRoute
from .truth import Truth


@dataclass
class Release:
    """Nothing is asked or changed by making one. C(prefix) is that of the keys and ends with a slash.

    C(service) is the name in the catalog, for the proxies and in keys: C(service_name) where somebody chose one.
    """

    engine: Engine
    store: Store
    catalog: Catalog
    fleet: Fleet
    prefix: str
    project: str
    target: str
    run: Run = field(default_factory=Run)
    service_name: str | None = None
    service: str = field(init=False)
    keys: Keys = field(init=False)
    route: StoredRoute = field(init=False)
    record: StoredRecord = field(init=False)

    def __post_init__(self) -> None:
        self.service = service_name(self.project, self.target, self.service_name)
        self.keys = Keys(self.prefix, self.service)
        self.route = StoredRoute(self.store, self.keys, self.run, self.fleet)
        self.record = StoredRecord(self.store, self.keys, self.run, self.project, self.target)

    def engine_name(self, color: str | None) -> str:
        """What the engine calls a colour's service; without a colour the service that is updated in place."""
        return self.engine.service_name(self.project, self.target, color)

    def color_service(self, color: str | None) -> ServiceState | None:
        """The engine's service of a colour, or None."""
        return self.engine.service(self.engine_name(color))

    def registered(self, color: str) -> list[Instance]:
        """The instances of a colour that the catalog lists, whatever their health."""
        return self.catalog.instances(color_name(self.service, color))[1]

    def truth(self, *, forgiving: bool = False) -> Truth:
        """Ask the store, the proxies and the engine; DeliveryError where the target runs under another name.

        C(forgiving): see StoredRoute.stored().
        """
        stored = self.route.stored(forgiving=forgiving)
        services = {color: found for color in COLORS if (found := self.color_service(color)) is not None}
        self._refuse_other_name(services)
        running = {color: len(self.engine.running(service)) for color, service in services.items()}
        fleet = self.fleet.snapshot()
        return Truth(stored.route, stored.index, fleet, services, running, self.service, stored.tombstone)

    def _refuse_other_name(self, services: Mapping[str, ServiceState]) -> None:
        """What runs cannot be called otherwise: its instances, its route and its record have the name it came with."""
        for color, service in services.items():
            name = service.service or default_service_name(self.project, self.target)
            if service.replicas > 0 and name != self.service:
                raise DeliveryError(
                    f"colour {color} of target '{self.target}' of project '{self.project}' runs as service '{name}', "
                    f"not as '{self.service}': set service_name to '{name}', or take that release away first"
                )

    def fence_services(self) -> dict[str, ServiceState]:
        """Write the run on both colours and return them as they are then.

        A run that slept past its lock meets another run's mark, and its changes are refused by the engine because they
        are made from an older state.
        """
        fenced = {}
        for color in COLORS:
            service = self.color_service(color)
            if service is not None:
                fenced[color] = self.engine.mark(service, self.run.id)
        self.run.renew()
        return fenced


def released_name(engine: Engine, project: str, target: str) -> str | None:
    """What a target is called in the catalog that runs under a name that somebody chose."""
    found = [engine.service(engine.service_name(project, target, color)) for color in COLORS]
    states = sorted((state for state in found if state is not None), key=lambda state: state.replicas, reverse=True)
    name = states[0].service if states else ""
    return name if name != default_service_name(project, target) else None
