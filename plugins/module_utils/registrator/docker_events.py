# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Docker's container events as a stream that never ends: it reconnects, and asks for what it missed meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ..core.errors import EngineError
from .docker_api import DockerApi
from .schedule import FIRST_PAUSE, LONGEST_PAUSE
from .stopping import TASK_GRACE, Event

LOG = logging.getLogger("registrator")

# A stream is renewed this often, so that a link that died silently is noticed.
WINDOW = 300.0


def event_of(document: dict[str, Any]) -> Event | None:
    """Docker's event document as an Event; None when it is none. Fields that API 1.52 dropped are not read.

    None too where it looks otherwise than Docker's do: it would be told again and again, and hide what comes after it.
    """
    try:
        actor = document.get("Actor") or {}
        if not actor.get("ID") or not document.get("Action"):
            return None
        signal = str((actor.get("Attributes") or {}).get("signal", ""))
        return Event(
            container=str(actor["ID"]),
            action=document["Action"].partition(":")[0],
            signal=int(signal) if signal.isdecimal() else None,
            time=document.get("timeNano", 0) / 1e9,
        )
    except (AttributeError, TypeError, ValueError):
        return None


def history(api: DockerApi, since: float, until: float) -> list[Event]:
    """The events that Docker still remembers (256 of all kinds), to learn what was told to stop before we started."""
    return [event for document in api.events(since, until) if (event := event_of(document))]


class EventStream(threading.Thread):
    """Calls C(on_event) for every container event, and C(on_connected) whenever the stream is complete up to now."""

    def __init__(self, api: DockerApi, on_event: Callable[[Event], None], on_connected: Callable[[], None]) -> None:
        super().__init__(name="docker-events", daemon=True)
        self._api = api
        self._on_event = on_event
        self._on_connected = on_connected
        self._since = time.time() - TASK_GRACE
        self._pause = FIRST_PAUSE

    def run(self) -> None:
        """Follow until the process ends."""
        while True:
            started = time.monotonic()
            try:
                self._follow()
            except EngineError:  # Reported by the main loop, whose own calls fail as well.
                pass
            except Exception:  # Without this thread nobody would hear of a stop signal any more.
                LOG.exception("following Docker's events failed, they are asked for again")
            if time.monotonic() - started > LONGEST_PAUSE:
                self._pause = FIRST_PAUSE
            time.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _follow(self) -> None:
        now = time.time()
        for event in history(self._api, self._since, now):
            self._on_event(event)
        self._since = now
        self._on_connected()
        for document in self._api.events(now, now + WINDOW):
            if happened := event_of(document):
                self._since = max(self._since, happened.time)
                self._on_event(happened)
