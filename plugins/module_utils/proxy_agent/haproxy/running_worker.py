# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The current worker, as the driver port shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...core.errors import DeliveryError
from ...routes.route import Route
from ..atomic_files import write_if_changed
from ..driver import Desired, Served, Servers, Wanted, backends_of
from ..proxy_settings import Settings
from . import maps
from .config import render, structure_digest
from .haproxy_files import HaproxyFiles
from .installation import proven
from .loaded_maps import Maps
from .servers import reconcile
from .sockets import HaproxyAwayError, Worker


class RunningWorker:
    """One worker by its process id; implements RunningProxy."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self._settings = settings
        self._files = HaproxyFiles(settings.paths.directory)
        self._worker = worker

    def structure(self) -> str:
        return self._worker.structure()

    def backends(self) -> set[str]:
        return self._worker.backends()

    def servers(self) -> Servers:
        return self._worker.servers()

    def live(self) -> dict[str, str]:
        return maps.live_colors(self._worker.map_entries(self._files.split_map))

    def switch(self, routes: Collection[Route]) -> None:
        available = self.backends()
        wanted = Maps.of([route for route in routes if available.issuperset(backends_of(route.service))])
        wanted.write(self._files)
        wanted.load(self._worker, self._files)

    def serve(self, wanted: Mapping[str, Wanted], seen: Servers) -> Served:
        available = self.backends()
        traffic = self._worker.traffic()
        pending = False
        problems = {}
        for backend, one in wanted.items():
            if backend not in available:
                continue
            try:
                pending |= reconcile(self._worker, backend, one.servers, one.draining, seen.get(backend, {}), traffic)
            except HaproxyAwayError:
                raise
            except DeliveryError as error:
                problems[backend] = str(error)
        return Served(pending, problems)

    def record(self, routes: Collection[Route], desired: Desired, seen: Servers) -> None:
        # The file lists the servers that are up.
        if structure_digest(self._settings, routes) == self.structure():
            write_if_changed(self._files.config, render(self._settings, routes, proven(desired, seen)))
