# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The proxy's acknowledgement in Consul, held by a session: there as long as the agent lives, and never longer."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..consul.registry import Registry
from ..core.errors import DeliveryError

LOG = logging.getLogger(__name__)

TTL = 10  # seconds; Consul's minimum
_RENEWAL = 3.0
_PAUSE_BETWEEN_COUNTS = 0.2
_PAUSE_AFTER_FAILURE = 1.0


class Heartbeat:
    """Publishes the newest document under one key, at most five a second; a change of revisions goes out at once."""

    def __init__(self, registry: Registry, key: str, clock: Callable[[], float] = time.time) -> None:
        self._registry = Registry(dataclasses.replace(registry.connection, timeout=4.0, patience=0.0))
        self._key = key
        # Grows over restarts too, so that a reader never takes an older document for a newer one.
        self._order = int(clock() * 1000)
        self._session: str | None = None
        self._condition = threading.Condition()
        self._document: Mapping[str, Any] | None = None
        self._published: Mapping[str, Any] | None = None
        self._urgent = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin; nothing is written before the first document."""
        self._thread.start()

    def publish(self, document: Mapping[str, Any]) -> None:
        """Hand over the newest state."""
        with self._condition:
            if document == self._document:
                return
            self._urgent |= _essence(document) != _essence(self._document)
            self._document = document
            self._condition.notify()

    def stop(self, timeout: float = 5.0) -> None:
        """Take the acknowledgement back and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        renewed = written = time.monotonic()
        while True:
            with self._condition:
                self._condition.wait_for(self._due, timeout=max(0.0, renewed + _RENEWAL - time.monotonic()))
                if self._due() and not self._urgent and not self._stopping:
                    self._condition.wait_for(
                        lambda: self._urgent or self._stopping,
                        timeout=max(0.0, written + _PAUSE_BETWEEN_COUNTS - time.monotonic()),
                    )
                if self._stopping:
                    break
                document, self._urgent = self._document, False
            try:
                if document is not None:
                    if self._session is None or time.monotonic() - renewed >= _RENEWAL:
                        self._renew()
                        renewed = time.monotonic()
                    if document != self._published:
                        self._write(document)
                        written = time.monotonic()
                else:
                    renewed = time.monotonic()
            except DeliveryError as error:
                LOG.warning("the acknowledgement could not be written: %s", error)
                renewed = time.monotonic() - _RENEWAL
                with self._condition:
                    self._condition.wait_for(lambda: self._stopping, timeout=_PAUSE_AFTER_FAILURE)
        self._end()

    def _due(self) -> bool:
        return self._stopping or (self._document is not None and self._document != self._published)

    def _renew(self) -> None:
        if self._session is not None and self._registry.renew_session(self._session):
            return
        self._session = None
        self._published = None
        self._session = self._registry.create_session(f"proxy {self._key}", TTL, lock_delay=0, behavior="delete")

    def _write(self, document: Mapping[str, Any]) -> None:
        if self._session is None:
            return
        self._order += 1
        text = json.dumps({**document, "order": self._order}, sort_keys=True)
        if not self._registry.acquire(self._key, text, self._session):
            if not self._registry.session_exists(self._session):
                self._session = None
                raise DeliveryError("the session has ended, a new one is made")
            self._take_over()
            return
        self._published = document

    def _take_over(self) -> None:
        entry = self._registry.get(self._key)
        if entry is not None and entry.session is not None and entry.session != self._session:
            LOG.warning(
                "%s was still held by this proxy's previous agent; if this line returns, two proxies have the same id",
                self._key,
            )
            self._registry.destroy_session(entry.session)

    def _end(self) -> None:
        if self._session is None:
            return
        try:
            self._registry.destroy_session(self._session)
        except DeliveryError as error:
            LOG.warning("the acknowledgement stays until its session ends: %s", error)


def _essence(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """What somebody waits for: revisions, errors, live colours."""
    services = (document or {}).get("services", {})
    return {name: (service["revision"], service["error"], service["live"]) for name, service in services.items()}
