# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What was last in effect on this proxy: it survives the agent, the proxy and Consul."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import DeliveryError
from ...routes.route import Route
from ..atomic_files import read_text, write_if_changed
from ..driver import backends_of
from ..endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class LastGood:
    """Routes by service, servers by backend."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    servers: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)

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
        }
        write_if_changed(path, json.dumps(document, indent=1) + "\n")

    def missing_in(self, documents: Collection[str]) -> set[str]:
        """The services of which the store, which has C(documents) of these, has nothing any more.

        Whoever removes a route leaves a tombstone until every proxy has seen it: without one, the store lost it. No
        index is asked, for those of Consul go back when it forgets deletions, and go on when a backup is restored.
        """
        return set(self.routes) - set(documents)

    def with_effect(
        self, routes: Mapping[str, Route], servers: Mapping[str, Sequence[Endpoint]], backends: AbstractSet[str]
    ) -> LastGood:
        """The same once C(routes) and C(servers) are in effect, as far as the proxy has C(backends) for them.

        A route that has none yet keeps its last good version; one that is not wanted any more stays as long as some of
        its backends are there, and so is not gone for whoever waits for that.
        """
        there = {service for service in routes if backends >= set(backends_of(service))}
        leaving = {service for service in set(self.routes) - set(routes) if backends & set(backends_of(service))}
        kept = {service: route for service, route in self.routes.items() if service in routes or service in leaving}
        return LastGood(
            routes={**kept, **{service: routes[service] for service in there}},
            servers={backend: tuple(found) for backend, found in servers.items() if found},
        )
