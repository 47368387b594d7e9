# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The thread that keeps the acknowledgement alive, and says when there is something new to say."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ...core.errors import DeliveryError
from .publication import Publication

LOG = logging.getLogger(__name__)

_RENEWAL = 3.0
_PAUSE_BETWEEN_COUNTS = 0.2
_PAUSE_AFTER_FAILURE = 1.0


class Heartbeat:
    """Publishes the newest document, at most five a second; a change of revisions goes out at once.

    C(clock) is monotonic, in seconds.
    """

    def __init__(self, publication: Publication, clock: Callable[[], float] = time.monotonic) -> None:
        self._publication = publication
        self._clock = clock
        self._condition = threading.Condition()
        self._document: Mapping[str, Any] | None = None
        self._published: Mapping[str, Any] | None = None
        self._urgent = False
        self._stopping = False
        self._renewed = self._written = clock()
        self._failed: float | None = None
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin; nothing is written before the first document."""
        self._thread.start()

    def publish(self, document: Mapping[str, Any]) -> None:
        """Hand over the newest state."""
        with self._condition:
            if document == self._document:
                return
            self._urgent |= essence(document) != essence(self._document)
            self._document = document
            self._condition.notify()

    def stop(self, timeout: float = 5.0) -> None:
        """Take the acknowledgement back and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(timeout)

    def due_in(self) -> float | None:
        """Seconds until the next C(beat); None: not before there is a document."""
        now = self._clock()
        if self._document is None:
            return None
        if self._failed is not None:
            return max(0.0, self._failed + _PAUSE_AFTER_FAILURE - now)
        if self._document == self._published:
            return max(0.0, self._renewed + _RENEWAL - now)
        return 0.0 if self._urgent else max(0.0, self._written + _PAUSE_BETWEEN_COUNTS - now)

    def beat(self) -> None:
        """Extend the session if it is time, and write the document if it has changed."""
        with self._condition:
            document, self._urgent = self._document, False
        if document is None:
            return
        try:
            if not self._publication.held or self._failed is not None or self._clock() >= self._renewed + _RENEWAL:
                if not self._publication.renew():
                    self._published = None
                self._renewed = self._clock()
            if document != self._published:
                if self._publication.write(document):
                    self._published = document
                self._written = self._clock()
            self._failed = None
        except DeliveryError as error:
            LOG.warning("the acknowledgement could not be written: %s", error)
            self._failed = self._clock()

    def _run(self) -> None:
        while self._wait():
            self.beat()
        self._publication.end()

    def _wait(self) -> bool:
        """Until the next beat; False when there is none any more."""
        with self._condition:
            while not self._stopping:
                pause = self.due_in()
                if pause == 0.0:
                    return True
                self._condition.wait(pause)
            return False


def essence(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """What somebody waits for: revisions, errors, live colours, what is gone."""
    services, removed = (document or {}).get("services", {}), (document or {}).get("removed", {})
    return {
        **{name: (service["revision"], service["error"], service["live"]) for name, service in services.items()},
        **{f"removed {name}": gone["revision"] for name, gone in removed.items()},
    }
