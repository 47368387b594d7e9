# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registrator on a node in memory: one comparison after the other, or a whole agent over time."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import EngineError
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.comparison import Comparison
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.containers import Containers
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_api import DockerApi
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_events import event_of, history
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrations import Node
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrator import Agent
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrator_settings import settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.stopping import (
    TASK_GRACE,
    Draining,
    Event,
)

from .docker_containers import FakeDocker
from .node_catalog import FakeCatalog
from .scripted_time import ScriptedTime

NOW = 1000.0
# What somebody else registered at the same agent.
FOREIGN = {"Service": "vault", "Address": "10.0.0.1", "Port": 8200, "Meta": {"owner": "node-2", "hash": "h"}}


class Comparisons:
    """One agent's comparisons on the node C(node-1); a second one of the same node is that agent after a restart."""

    def __init__(self, catalog: FakeCatalog, *, dry_run: bool = False) -> None:
        self.draining = Draining(grace=30)
        self._comparison = Comparison(
            Node("node-1", "10.0.0.1"), Containers(DockerApi("unix:///engine")), self.draining, catalog.connect, dry_run
        )
        self.withdraw = self._comparison.withdraw
        self.run = self._comparison.run

    def told_to_stop(self, container: str, at: float = NOW) -> None:
        self.draining.see(Event(container, "kill", 15, 0.0), at)


class Scene:
    """An agent on its node. Its resync is so rare that a test sees the effect of events alone, unless told.

    C(history_after): seconds that Docker takes to tell what happened before the start.
    """

    def __init__(self, time: ScriptedTime, engine: FakeDocker, catalog: FakeCatalog, folder: Path) -> None:
        self.time, self.engine, self.catalog = time, engine, catalog
        self.history_after = 0.0
        self.seen: dict[float, set[int]] = {}
        self._health_file = folder / "health"

    def agent(self, *options: str) -> Agent:
        common = ("--node", "node-1", "--ip", "10.0.0.1", "--resync", "3600", "--health-file", str(self._health_file))
        return Agent(settings([*common, *options], {}), self.catalog.connect)

    def health(self) -> dict[str, Any]:
        return dict(json.loads(self._health_file.read_text()))

    def look(self, *moments: float) -> None:
        """Note what is registered, that many seconds from now."""
        for moment in moments:
            self.time.after(moment, partial(self._note, moment))

    def run(self, seconds: float, *options: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Run the agent and end it after that long by a signal; its exit status."""
        self.time.after(seconds, lambda: signal.raise_signal(number))
        return self.agent(*options).run()

    def _note(self, moment: float) -> None:
        self.seen[moment] = self.catalog.addresses("app")

    def stream(
        self, api: DockerApi, on_event: Callable[[Event], None], on_connected: Callable[[], None]
    ) -> SimpleNamespace:
        """Stands in for EventStream, without its thread: tells what is missing once connected, then as it happens."""

        def tell(document: dict[str, Any]) -> None:
            if event := event_of(document):
                on_event(event)

        def connect() -> None:
            try:
                missed = history(api, self.time.time() - TASK_GRACE, self.time.time())
            except EngineError:
                return
            for event in missed:
                on_event(event)
            on_connected()

        def start() -> None:
            self.engine.on_event.append(tell)
            self.engine.on_start.append(connect)
            if self.history_after:
                self.time.after(self.history_after, connect)
            else:
                connect()

        return SimpleNamespace(start=start)
