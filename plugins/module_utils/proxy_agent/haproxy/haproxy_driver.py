# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""HAProxy behind the driver port: asked through its master process, changed by maps, commands and reloads."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from typing import NoReturn

from ...routes.route import Route
from ..atomic_files import read_text, write_atomically, write_if_changed
from ..driver import Counts, Desired, Generation, Refusal
from ..endpoint import Endpoint
from ..proxy_settings import Settings
from .check_results import CheckResult
from .config import render, structure_digest
from .config_check import check_text
from .haproxy_files import HaproxyFiles
from .installation import forget_server_state, install
from .loaded_maps import Maps
from .running_worker import RunningWorker
from .server_names import server_name
from .sockets import HaproxyAwayError, MasterSocket, Worker

LOG = logging.getLogger(__name__)


class HaproxyDriver:
    """One HAProxy, which may be away at any time; implements ProxyDriver."""

    provider = "haproxy"
    title = "HAProxy"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files = HaproxyFiles(settings.paths.directory)
        self._master = MasterSocket(self._files.master_socket)
        self._checks: dict[tuple[str, str], CheckResult] = {}

    def server_name(self, endpoint: Endpoint) -> str:
        return server_name(endpoint)

    def structure_of(self, routes: Collection[Route]) -> str:
        return structure_digest(self._settings, routes)

    def refusal(self, routes: Collection[Route]) -> Refusal | None:
        for path in self._files.maps:  # haproxy -c reads them, whatever is in them
            if read_text(path) is None:
                write_atomically(path, "")
        problem = self._check(render(self._settings, routes, {}))
        return None if problem is None else Refusal("haproxy -c", problem)

    def running(self) -> RunningWorker:
        return RunningWorker(self._settings, self._master.current())

    def generations(self) -> tuple[Generation, ...]:
        return tuple(self._master.workers())

    def counts(self, generations: Iterable[Generation]) -> Counts:
        counts = Counts()
        for generation in generations:
            try:
                traffic = Worker(self._master, generation).traffic()
            except HaproxyAwayError:
                if generation.current:
                    raise
                continue
            for backend, requests in traffic.backends.items():
                counts.open[backend] = counts.open.get(backend, 0) + requests
            for server, requests in traffic.servers.items():
                counts.servers[server] = counts.servers.get(server, 0) + requests
            if generation.current:
                counts.up.update(traffic.up)
                self._checks = {server: one.after(self._checks.get(server)) for server, one in traffic.checks.items()}
                counts.failing.update({server: one.check() for server, one in self._checks.items()})
        return counts

    def restructure(self, routes: Collection[Route], desired: Desired) -> RunningWorker:
        Maps.of(routes).write(self._files)
        LOG.info("reloading HAProxy: its configuration has changed")
        return RunningWorker(self._settings, install(self._settings, self._master, routes, desired))

    def startable(self) -> bool:
        forget_server_state(self._files)
        text = read_text(self._files.config)
        return text is not None and self._check(text) is None

    def write_start(self, routes: Collection[Route], desired: Desired) -> None:
        forget_server_state(self._files)
        Maps.of(routes).write(self._files)
        write_if_changed(self._files.config, render(self._settings, routes, desired))

    def become(self) -> NoReturn:
        master = f"{self._files.master_socket},mode,600,level,admin"
        program = self._settings.haproxy
        os.execvp(program, [program, "-W", "-S", master, "-f", str(self._files.config)])

    def _check(self, text: str) -> str | None:
        return check_text(self._settings.haproxy, self._files.candidate, text)
