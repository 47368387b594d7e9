# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The proxy's acknowledgement in the store, under one key that a session holds: without the session it is gone."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from ...core.errors import DeliveryError
from ...ports.store import Store

LOG = logging.getLogger(__name__)

TTL = 10  # seconds; Consul's minimum


class Publication:
    """C(order) grows with every document; it must be higher than what this proxy's agents before had.

    Belongs to one thread, as its store does.
    """

    def __init__(self, store: Store, key: str, order: int) -> None:
        self._store = store
        self._key = key
        self._order = order
        self._session: str | None = None

    @property
    def held(self) -> bool:
        """Whether there is a session, as far as is known."""
        return self._session is not None

    def renew(self) -> bool:
        """Extend the session; False: it was gone, and so is what was written, and there is a new one.

        Raises RegistryError; there may be no session then.
        """
        if self._session is not None and self._store.renew_session(self._session):
            return True
        self._session = None
        self._session = self._store.create_session(f"proxy {self._key}", TTL, lock_delay=0, behavior="delete")
        return False

    def write(self, document: Mapping[str, Any]) -> bool:
        """Publish; False: another session held the key and has been ended, so the next try may succeed.

        Raises DeliveryError when it was this session that has ended.
        """
        if self._session is None:
            return False
        self._order += 1
        text = json.dumps({**document, "order": self._order}, sort_keys=True)
        if self._store.acquire(self._key, text, self._session):
            return True
        if not self._store.session_exists(self._session):
            self._session = None
            raise DeliveryError("the session has ended, a new one is made")
        self._take_over()
        return False

    def end(self) -> None:
        """Take it back."""
        if self._session is None:
            return
        try:
            self._store.destroy_session(self._session)
        except DeliveryError as error:
            LOG.warning("the acknowledgement stays until its session ends: %s", error)

    def _take_over(self) -> None:
        entry = self._store.get(self._key)
        if entry is not None and entry.session is not None and entry.session != self._session:
            LOG.warning(
                "%s was still held by this proxy's previous agent; if this line returns, two proxies have the same id",
                self._key,
            )
            self._store.destroy_session(entry.session)
