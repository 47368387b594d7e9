# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a proxy starts with: what should be, else what this proxy had last, else nothing but answers."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..core.errors import DeliveryError
from .atomic_files import locked
from .driver import ProxyDriver
from .first_answer import FirstAnswer
from .policy.desired_servers import Known, desired_servers
from .policy.intent import intend
from .policy.last_good import LastGood
from .policy.restructuring import fall_back, find_culprits
from .proxy_settings import Paths

LOG = logging.getLogger(__name__)


def prepare(driver: ProxyDriver, paths: Paths, ask: Callable[[], FirstAnswer]) -> None:
    """Write the files for a start of the proxy. C(ask) raises DeliveryError when nobody says what should be.

    Raises DeliveryError when they cannot be written.
    """
    with locked(paths.lock):
        good = LastGood.read(paths.last_good)
        try:
            answer = ask()
        except DeliveryError as error:
            LOG.warning("Consul gives no routes (%s)", error)
            _keep_or_empty(driver, paths)
            return
        _write(driver, good, answer)


def _write(driver: ProxyDriver, good: LastGood, answer: FirstAnswer) -> None:
    intent = intend(answer.written, good)
    for error in intent.errors.values():
        LOG.warning("%s", error)
    routes = intent.routes
    refusal = driver.refusal(routes.values())
    if refusal is not None:
        LOG.warning("%s", refusal)
        routes = fall_back(routes, good.routes, find_culprits(driver, {}, routes.values()))

    def known(backend: str) -> Known:
        # No check runs yet, so an empty answer leaves what was known.
        before = good.servers.get(backend, ())
        return Known(before, before)

    servers, _notes = desired_servers(routes.values(), answer.instances.get, known)
    driver.write_start(routes.values(), servers)
    LOG.info("%s starts with %d routes from Consul", driver.title, len(routes))


def _keep_or_empty(driver: ProxyDriver, paths: Paths) -> None:
    if driver.startable():
        LOG.warning("%s starts with the last good files in %s", driver.title, paths.directory)
        return
    driver.write_start([], {})
    LOG.warning("%s starts without any route: nothing was known on this proxy before", driver.title)
