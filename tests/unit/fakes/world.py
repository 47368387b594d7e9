# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole world for the stages: an engine, Consul with a registrator, a fleet of proxies, and the lock."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.proxy_reports import ReportedFleet
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.lock import Holder, RunLock
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ColorRelease, ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import Run
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split

from .consul import FakeConsul
from .engine import FakeEngine
from .proxies import FakeProxies

NOW = "2026-11-21T12:00:00Z"
SERVICE = "books-ms-app"


class World:
    """Everything that a release meets. C(refusing) are front addresses where nothing listens."""

    def __init__(self, refusing: set[str]) -> None:
        self.engine = FakeEngine()
        self.refusing = refusing
        self.consul = FakeConsul()
        self.proxies = FakeProxies(self.consul, "proxy-1", "proxy-2")
        self.registrator = True
        self.progress: list[str] = []
        self.engine.on_change.append(self._register)
        self.release = self.new_release()

    def new_release(self, excluded: frozenset[str] = frozenset()) -> Release:
        """What a module connects to; without a lock."""
        return Release(
            engine=self.engine,
            store=self.consul,
            catalog=self.consul,
            fleet=ReportedFleet(self.consul, "docker-flow/", excluded),
            prefix="docker-flow/",
            project="books-ms",
            target="app",
            run=Run(self.progress.append),
        )

    def start_run(self, release: Release | None = None, **options: Any) -> Release:
        """Take the lock of the target."""
        release = release or self.release
        holder = Holder("ann@laptop", NOW, "test", "")
        release.run.taken = RunLock.take(self.consul, release.keys.lock, holder, ttl=30, wait=0, **options)
        return release

    def colour(self, color: str, instances: int, spec: str = "s1", **about: Any) -> None:
        """A colour that runs."""
        self.engine.put(f"books-ms_app-{color}", instances, spec=spec, **about)

    def route(self, live: str, revision: int = 4, **changes: Any) -> Route:
        """A route that every proxy already has, expecting what runs."""
        running = {color: len(self.running(color)) for color in ("blue", "green") if self.running(color)}
        route = Route(SERVICE, revision, ("/api/v1/books",), Split(live), instances=running)
        route = replace(route, **changes)
        self.consul.put(f"docker-flow/routes/{SERVICE}", route.to_json())
        self.proxies.routes.clear()
        self.consul.written.clear()
        return route

    def record(self, **changes: Any) -> ReleaseRecord:
        """A release record as an earlier run left it."""
        record = replace(ReleaseRecord("books-ms", "app"), **changes)
        self.consul.seed(f"docker-flow/releases/{SERVICE}", json.dumps(record.to_document()))
        return record

    def running(self, color: str) -> list[str]:
        """The ids of the tasks that run."""
        return [task.id for task in self.engine.task_list.get(f"books-ms_app-{color}", []) if task.running]

    def recorded_now(self) -> ReleaseRecord:
        """The release record as it stands."""
        return self.release.record.read()

    def route_now(self) -> Route:
        """The route as it stands; there must be one."""
        route = self.release.route.read()[0]
        assert route is not None
        return route

    def _register(self, name: str) -> None:
        if not self.registrator or "_app-" not in name:
            return
        color = name.rsplit("-", 1)[1]
        self.consul.services[f"{SERVICE}-{color}"] = [
            Instance(
                id=f"manager-1:{name}:{min(task.ports)}",
                address="172.17.0.1",
                port=min(task.ports),
                node="manager-1",
                node_alive=True,
                passing=True,
                meta={"swarm_task": task.id},
                tags=(),
            )
            for task in self.engine.task_list.get(name, [])
            if task.running
        ]


def release_of(color: str, spec: str = "s1", instances: int = 2) -> ColorRelease:
    """What the record says of one colour."""
    return ColorRelease(color, spec, f"app:{spec}", instances, NOW, "ann@laptop")
