# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What HAProxy starts with: rendered from Consul, else what this proxy had last, else nothing but answers."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Sequence

from ..consul.registry import Instance, Registry
from ..core.color import COLORS
from ..core.errors import DeliveryError, RegistryError
from ..core.names import color_name
from ..core.waiting import Deadline
from ..routes.route import Route
from .acceptance import accept
from .atomic_files import locked, read_text, write_if_changed
from .endpoint import Endpoint
from .haproxy.config import render
from .haproxy.installation import check_text, find_culprits, forget_server_state
from .haproxy.loaded_maps import Maps
from .judgement import followed_colors, judge
from .last_good import LastGood
from .proxy_settings import Settings

LOG = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that Consul may take


@dataclasses.dataclass(frozen=True, slots=True)
class Intent:
    """What Consul says at this moment: JSON by service, instances by backend."""

    index: int
    routes: dict[str, str]
    instances: dict[str, Sequence[Instance]]


def render_files(settings: Settings, patience: float = PATIENCE) -> None:
    """Write configuration and maps for a start of HAProxy."""
    with locked(settings.paths.lock):
        good = LastGood.read(settings.paths.last_good)
        forget_server_state(settings)
        try:
            intent = ask(settings, patience)
        except DeliveryError as error:
            LOG.warning("Consul gives no routes (%s)", error)
            _keep_or_empty(settings)
            return
        _write(settings, good, intent)


def run_haproxy(settings: Settings) -> None:
    """Become HAProxy's master process."""
    paths = settings.paths
    master = f"{paths.master_socket},mode,600,level,admin"
    os.execvp(settings.haproxy, [settings.haproxy, "-W", "-S", master, "-f", str(paths.config)])


def ask(settings: Settings, patience: float) -> Intent:
    """Routes and instances, within C(patience) seconds; DeliveryError when Consul does not answer."""
    deadline = Deadline(patience)
    registry = Registry(dataclasses.replace(settings.connection, timeout=3.0, patience=0.0))
    prefix = f"{settings.prefix}routes/"
    while True:
        try:
            index, entries = registry.watch(prefix, 0, 1.0)
            break
        except RegistryError:  # it may be starting too
            if deadline.remaining < 1:
                raise
        time.sleep(0.3)
    routes = {key[len(prefix) :]: entry.value for key, entry in entries.items() if key != prefix}
    instances: dict[str, Sequence[Instance]] = {}
    for route in accept(routes, {}).routes.values():
        for color in followed_colors(route):
            if deadline.passed:
                raise DeliveryError(f"Consul took more than {patience:g} s")
            name = color_name(route.service, color)
            instances[name] = registry.instances(name)[1]
    return Intent(index, routes, instances)


def desired_servers(route: Route, intent: Intent, good: LastGood) -> dict[str, tuple[Endpoint, ...]]:
    """The servers of a route's backends. No check of HAProxy runs yet, so an empty answer leaves what was known."""
    servers = {}
    followed = followed_colors(route)
    for color in COLORS:
        name = color_name(route.service, color)
        if color in followed:
            before = good.servers.get(name, ())
            up = {server.name for server in before}
            servers[name] = judge(name, intent.instances.get(name), before, followed[color], up).servers
    return servers


def _write(settings: Settings, good: LastGood, intent: Intent) -> None:
    good.expect_what_was_lost(intent.index, intent.routes)
    acceptance = accept(good.with_orphans(intent.routes), good.routes)
    for error in acceptance.errors.values():
        LOG.warning("%s", error)
    routes = acceptance.routes
    Maps.of(list(routes.values())).write(settings.paths)  # haproxy -c reads them
    problem = check_text(settings, render(settings, routes.values(), {}))
    if problem is not None:
        LOG.warning("haproxy -c: %s", problem)
        for service in find_culprits(settings, {}, routes.values()):
            del routes[service]
            if service in good.routes:
                routes[service] = good.routes[service]
    servers: dict[str, tuple[Endpoint, ...]] = {}
    for route in routes.values():
        servers.update(desired_servers(route, intent, good))
    Maps.of(list(routes.values())).write(settings.paths)
    write_if_changed(settings.paths.config, render(settings, routes.values(), servers))
    LOG.info("HAProxy starts with %d routes from Consul", len(routes))


def _keep_or_empty(settings: Settings) -> None:
    paths = settings.paths
    text = read_text(paths.config)
    if text is not None and check_text(settings, text) is None:
        LOG.warning("HAProxy starts with the last good files in %s", paths.directory)
        return
    Maps.of([]).write(paths)
    write_if_changed(paths.config, render(settings, [], {}))
    LOG.warning("HAProxy starts without any route: nothing was known on this proxy before")
