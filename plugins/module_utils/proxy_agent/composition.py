# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The programs put together: the one place that knows settings, Consul and the driver at once."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time

from ..consul.consul_catalog import ConsulCatalog
from ..consul.consul_client import ConsulClient
from ..consul.consul_store import ConsulStore
from .agent import Agent
from .driver import ProxyDriver
from .first_answer import FirstAnswer, ask
from .policy.reconciler import Reconciler
from .providers import driver_for
from .proxy_settings import Settings
from .report.heartbeat import Heartbeat
from .report.publication import Publication
from .startup import prepare
from .watches import LONGEST_ANSWER, Watches

_START_PATIENCE = 10.0  # seconds that Consul may take before the proxy starts without
_START_TIMEOUT = 3.0
_HEARTBEAT_TIMEOUT = 4.0


def run_agent(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    driver = driver_for(settings)
    wake = threading.Event()
    watches = Watches(
        ConsulStore(_client(settings, LONGEST_ANSWER)),
        f"{settings.prefix}routes/",
        lambda: ConsulCatalog(_client(settings, LONGEST_ANSWER)),
        wake.set,
    )
    # The order grows over restarts too, so that a reader never takes an older document for a newer one.
    order = int(time.time() * 1000)
    store = ConsulStore(_client(settings, _HEARTBEAT_TIMEOUT))
    heartbeat = Heartbeat(Publication(store, f"{settings.prefix}proxies/{settings.id}", order))
    agent = Agent(settings.id, driver, Reconciler(driver, settings.paths), watches, heartbeat.publish, wake)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    watches.start()
    heartbeat.start()
    agent.run()
    watches.stop()
    heartbeat.stop()


def prepare_start(settings: Settings) -> ProxyDriver:
    """Write the files that the proxy starts with; its driver."""
    driver = driver_for(settings)

    def ask_once() -> FirstAnswer:
        client = _client(settings, _START_TIMEOUT)
        return ask(ConsulStore(client), ConsulCatalog(client), f"{settings.prefix}routes/", _START_PATIENCE)

    prepare(driver, settings.paths, ask_once)
    return driver


def _client(settings: Settings, timeout: float) -> ConsulClient:
    """For one thread. Who asks knows how to go on without an answer: no call tries again by itself."""
    return ConsulClient(dataclasses.replace(settings.connection, timeout=timeout, patience=0.0))
