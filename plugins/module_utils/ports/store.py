# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The store port: who keeps keys under check-and-set, and sessions that expire by themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from ..core.errors import RegistryError


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: its text, the index to pass to C(put(cas=…)), and the session that holds it."""

    key: str
    value: str
    modify_index: int
    session: str | None

    def json(self) -> dict[str, Any]:
        """The value as a JSON object; anything else is a RegistryError that names the key."""
        try:
            document = json.loads(self.value)
        except ValueError as error:
            raise RegistryError(f"Consul key '{self.key}' does not hold valid JSON: repair or delete it") from error
        if not isinstance(document, dict):
            raise RegistryError(f"Consul key '{self.key}' holds no JSON object: repair or delete it")
        return document


class Store(Protocol):
    """One store belongs to one thread; C(clone) makes another for the next. Calls end in time or raise RegistryError.

    An index of 0 means that the key does not exist.
    """

    def clone(self) -> Store:
        """Another store with the same connection, for another thread."""

    # -- keys ---------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        """The key, read consistently, or None."""

    def entries(self, prefix: str) -> dict[str, Entry]:
        """All keys under C(prefix), by full key."""

    def watch(self, prefix: str, index: int, wait: float) -> tuple[int, dict[str, Entry]]:
        """The keys under C(prefix) once they differ from C(index), or after C(wait) seconds; 0 answers at once."""

    def put_if_held(self, key: str, value: str, cas: int, lock: str, session: str) -> bool:
        """Write if the key still has index C(cas) and C(session) still holds the lock key. False: it was not."""

    def delete_if_held(self, key: str, cas: int, lock: str, session: str) -> bool:
        """Delete under the same fence as C(put_if_held)."""

    def delete(self, key: str, cas: int | None = None) -> bool:
        """Delete one key; with C(cas), only if it still has that index."""

    def acquire(self, key: str, value: str, session: str) -> bool:
        """Take the key as a lock for C(session), or update it when that session holds it already."""

    def release(self, key: str, value: str, session: str) -> bool:
        """Give the lock back."""

    # -- sessions -----------------------------------------------------------------------------------------------

    def create_session(self, name: str, ttl: int, lock_delay: int, behavior: str = "release") -> str:
        """A session that lives by its TTL (seconds) alone; C(behavior) of its locks at its end: release or delete."""

    def renew_session(self, session: str) -> bool:
        """Extend the session by its TTL. False: it is gone."""

    def session_exists(self, session: str) -> bool:
        """Whether the session still lives."""

    def destroy_session(self, session: str) -> None:
        """End the session; its locks are released (or deleted, as its behavior says)."""
