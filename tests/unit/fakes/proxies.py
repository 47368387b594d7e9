# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of proxies in memory: each takes a new route when it is written, refuses it, stays silent or is dead."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone, is_tombstone

from .consul import FakeConsul

CONFIRMS = "confirms"
SILENT = "silent"
DEAD = "dead"
COUNTS = {"servers": 0, "up": 0, "open": 0, "draining": 0}


class FakeProxy:
    """One member. C(behaviour): confirms, silent (a heartbeat, but no new revision), dead, or why it refuses.

    C(warming): so many looks pass, after a route came, until its checks find the instances up. C(failing): what the
    checks got of those that are not. C(current) False: an agent of an earlier version, which tells less. C(open_after):
    so many requests are still open after a removal.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.behaviour = CONFIRMS
        self.order = 100
        self.services: dict[str, dict[str, Any]] = {}
        self.removed: dict[str, dict[str, int]] = {}
        self.up: dict[str, int] = {}
        self.open: dict[str, int] = {}
        self.draining: dict[str, int] = {}
        self.warming = 0
        self.failing: list[dict[str, str]] = []
        self.current = True
        self.open_after = 0
        self.notes: list[str] = []
        self._routes: dict[str, Route] = {}

    def warm(self) -> None:
        """A round of checks has passed."""
        if self.warming:
            self.warming -= 1
            for service in self.services.values():
                for counts in service["colors"].values():
                    counts["up"] = counts["servers"] if not self.warming else 0
            self.order += 1

    def take(self, service: str, route: Route | Tombstone | None) -> None:
        """What the agent does when the route changed: one that is missing without a tombstone stays."""
        if self.behaviour in (SILENT, DEAD):
            return
        has_it = bool(self.services.get(service, {}).get("revision"))
        if self.behaviour != CONFIRMS and (has_it or not isinstance(route, Tombstone)):
            said = self.services.setdefault(service, {"revision": 0, "live": None, "colors": {}})
            said["error"] = self.behaviour
            said["written"] = route.revision if self.current and route is not None else None
        elif route is None:
            self.removed.pop(service, None)
            if service in self.services:
                self.services[service] |= {"lost": True, "route": self._routes[service].to_document()}
        elif isinstance(route, Tombstone):
            self.services.pop(service, None)
            self.removed[service] = {"revision": route.revision, "open": self.open_after}
        else:
            self.removed.pop(service, None)
            self._routes[service] = route
            self.services[service] = {
                "revision": route.revision,
                "error": None,
                **({"written": route.revision} if self.current else {}),
                "live": route.split.live,
                "colors": {color: self._counts(color, count) for color, count in route.instances.items()},
            }
        self.order += 1

    def _counts(self, color: str, count: int) -> dict[str, int]:
        up = self.up.get(color, count) if not self.warming else 0
        drained = self.draining.get(color, 0)
        counts: dict[str, Any] = {"servers": count, "up": up, "open": self.open.get(color, 0), "draining": drained}
        if up < count and self.failing:
            counts["failing"] = self.failing
        return counts

    def report(self) -> dict[str, Any]:
        """The document under C(proxies/)."""
        return {
            "schema": 1,
            "id": self.name,
            "haproxy": "3.0.11",
            "workers": [{"pid": 12, "current": True}],
            "notes": self.notes,
            "order": self.order,
            "services": self.services,
            "removed": self.removed,
        }


class FakeProxies:
    """The fleet. C(routes) are those that stood in Consul one after the other, None for a deleted key.

    With C(late) the proxies take a new route only after somebody has looked at what they said of the one before.
    """

    def __init__(self, consul: FakeConsul, *names: str, prefix: str = "docker-flow/") -> None:
        self.consul = consul
        self.prefix = prefix
        self.members = {name: FakeProxy(name) for name in names}
        self.routes: list[Route | Tombstone | None] = []
        self.late = False
        self._queue: list[tuple[str, Route | Tombstone | None]] = []
        for number, name in enumerate(names, 1):
            document = {"schema": 1, "id": name, "address": f"http://192.0.2.{number}:80"}
            consul.seed(f"{prefix}members/{name}", json.dumps(document))
        consul.watchers.append(self._notice)
        consul.after_watch.append(self._look)
        self.publish()

    def __getitem__(self, name: str) -> FakeProxy:
        return self.members[name]

    def publish(self) -> None:
        """Every member that has a heartbeat writes its report."""
        for name, proxy in self.members.items():
            key = f"{self.prefix}proxies/{name}"
            if proxy.behaviour == DEAD:
                self.consul.keys.pop(key, None)
            else:
                self.consul.seed(key, json.dumps(proxy.report()))

    def settle(self, service: str) -> None:
        """Every member looks at the route again, for example because its counts have changed."""
        self._notice(f"{self.prefix}routes/{service}")

    def _notice(self, key: str) -> None:
        if not key.startswith(f"{self.prefix}routes/"):
            return
        entry = self.consul.keys.get(key)
        route: Route | Tombstone | None = None
        if entry is not None:
            document = entry.json()
            parse = Tombstone.from_document if is_tombstone(document) else Route.from_document
            route = parse(document)
        self.routes.append(route)
        self._queue.append((key.rsplit("/", 1)[-1], route))
        if not self.late:
            self._give()

    def _look(self) -> None:
        """Somebody has looked: time passes."""
        for proxy in self.members.values():
            proxy.warm()
        self._give()
        self.publish()

    def _give(self) -> None:
        if not self._queue:
            return
        service, route = self._queue.pop(0)
        for proxy in self.members.values():
            proxy.take(service, route)
        self.publish()
