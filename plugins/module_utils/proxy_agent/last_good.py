# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What was last in effect on this proxy: it survives the agent, HAProxy and Consul."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from ..routes.route import Route
from .atomic_files import read_text, write_if_changed
from .endpoint import Endpoint


@dataclass(slots=True)
class LastGood:
    """Routes by service, servers by backend.

    C(index) is Consul's index of the routes. C(orphans) are services whose routes vanished because Consul lost its
    data: they stay until their keys are there again.
    """

    routes: dict[str, Route] = field(default_factory=dict)
    servers: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    index: int = 0
    orphans: set[str] = field(default_factory=set)

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

    def expect_what_was_lost(self, index: int, documents: dict[str, str]) -> None:
        """Note Consul's new C(index): if it went back, Consul was set up anew and nobody deleted a route."""
        if index < self.index:
            self.orphans |= set(self.routes) - set(documents)
        self.orphans -= set(documents)
        self.index = index

    def with_orphans(self, documents: dict[str, str]) -> dict[str, str]:
        """C(documents) and the routes that Consul lost."""
        kept = {service: self.routes[service].to_json() for service in self.orphans if service in self.routes}
        return {**kept, **documents}
