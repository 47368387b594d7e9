# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What was last in effect on this proxy: it survives the agent, the proxy and Consul."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...core.errors import DeliveryError
from ...routes.route import Route
from ..atomic_files import read_text, write_if_changed
from ..driver import backends_of
from ..endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class LastGood:
    """Routes by service, servers by backend.

    C(index) is Consul's index of the routes. C(orphans) are services whose routes vanished because Consul lost its
    data: they stay until their keys are there again.
    """

    routes: Mapping[str, Route] = field(default_factory=dict)
    servers: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    index: int = 0
    orphans: AbstractSet[str] = frozenset()

    @classmethod
    def read(cls, path: Path) -> LastGood:
        """From the file; what is missing or damaged counts as never known."""
        text = read_text(path)
        try:
            document: dict[str, Any] = json.loads(text) if text else {}
            routes = [Route.from_document(item) for item in document.get("routes", [])]
            return cls(
                routes={route.service: route for route in routes},
                servers={
                    backend: tuple(Endpoint.parse(server) for server in servers)
                    for backend, servers in document.get("servers", {}).items()
                },
                index=int(document.get("index", 0)),
                orphans=set(document.get("orphans", [])),
            )
        except (ValueError, AttributeError, TypeError, DeliveryError):
            return cls()

    def write(self, path: Path) -> None:
        """To the file, when it differs. Raises DeliveryError."""
        document = {
            "routes": [self.routes[service].to_document() for service in sorted(self.routes)],
            "servers": {
                backend: [str(server) for server in servers] for backend, servers in sorted(self.servers.items())
            },
            "index": self.index,
            "orphans": sorted(self.orphans),
        }
        write_if_changed(path, json.dumps(document, indent=1) + "\n")

    def having_seen(self, index: int, documents: Collection[str]) -> LastGood:
        """The same after Consul's answer with this C(index) and the C(documents) of these services.

        If the index went back, Consul was set up anew and nobody deleted a route.
        """
        lost = set(self.routes) - set(documents) if index < self.index else set()
        return replace(self, index=index, orphans=(self.orphans | lost) - set(documents))

    def with_effect(
        self, routes: Mapping[str, Route], servers: Mapping[str, Sequence[Endpoint]], backends: AbstractSet[str]
    ) -> LastGood:
        """The same once C(routes) and C(servers) are in effect, as far as the proxy has C(backends) for them.

        A route that has none yet keeps its last good version; one that is not wanted any more stays as long as some of
        its backends are there.
        """
        there = {service for service in routes if backends >= set(backends_of(service))}
        leaving = {service for service in set(self.routes) - set(routes) if backends & set(backends_of(service))}
        kept = {service: route for service, route in self.routes.items() if service in routes or service in leaving}
        return replace(
            self,
            routes={**kept, **{service: routes[service] for service in there}},
            servers={backend: tuple(found) for backend, found in servers.items() if found},
        )
