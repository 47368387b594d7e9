# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consul in memory, as the ports show it: compare-and-set, sessions, locks, prefixes, registered instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    RegistryError,
    RegistryUnreachableError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.store import Entry


class FakeConsul:
    """Implements the ports C(Store) and C(Catalog).

    C(written) lists each changed key, C(renewed) each session that was extended. C(before_write) is called with the key
    before a value is changed, C(watchers) after, C(after_watch) once a watch has its answer. C(silent) makes every call
    fail as if no agent answered. As in the real one, the index of a prefix is that of its newest key or tombstone, so
    it goes back when tombstones are reaped.
    """

    def __init__(self) -> None:
        self.keys: dict[str, Entry] = {}
        self.sessions: set[str] = set()
        self.services: dict[str, list[Instance]] = {}
        self.written: list[str] = []
        self.renewed: list[str] = []
        self.before_write: list[Callable[[str], None]] = []
        self.watchers: list[Callable[[str], None]] = []
        self.after_watch: list[Callable[[], None]] = []
        self.silent = False
        self._index = 10
        self._made = 0
        self._tombstones: dict[str, int] = {}

    # -- what a test does behind everybody's back ----------------------------------------------------------------

    def seed(self, key: str, value: str, session: str | None = None) -> None:
        """Write as somebody else, without fence and without a trace in C(written)."""
        self._set(key, value, session)

    def expire(self, session: str) -> None:
        """The session's TTL ran out."""
        self.destroy_session(session)

    def reap_tombstones(self) -> None:
        """What Consul does a quarter of an hour after a key was deleted."""
        self._tombstones.clear()

    # -- keys ----------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        self._answer()
        return self.keys.get(key)

    def entries(self, prefix: str) -> dict[str, Entry]:
        self._answer()
        return {key: entry for key, entry in sorted(self.keys.items()) if key.startswith(prefix)}

    def watch(self, prefix: str, index: int, wait: float) -> tuple[int, dict[str, Entry]]:
        entries = self.entries(prefix)
        indexes = [entry.modify_index for entry in entries.values()]
        indexes += [deleted for key, deleted in self._tombstones.items() if key.startswith(prefix)]
        newest = max(indexes, default=self._index)
        for hook in list(self.after_watch):
            hook()
        return 0 if newest < index else newest, entries

    def put(self, key: str, value: str, cas: int | None = None) -> bool:
        return self._write(key, value, cas)

    def put_if_held(self, key: str, value: str, cas: int, lock: str, session: str) -> bool:
        return self._holds(lock, session) and self._write(key, value, cas)

    def delete(self, key: str, cas: int | None = None) -> bool:
        self._answer()
        entry = self.keys.get(key)
        if cas is not None and (entry.modify_index if entry else 0) != cas:
            return False
        if entry is not None:
            self._index += 1
            self._tombstones[key] = self._index
            del self.keys[key]
            self._changed(key)
        return True

    def delete_if_held(self, key: str, cas: int, lock: str, session: str) -> bool:
        return self._holds(lock, session) and self.delete(key, cas)

    def acquire(self, key: str, value: str, session: str) -> bool:
        self._answer()
        if session not in self.sessions:
            raise RegistryError(f'Consul answered 500 invalid session "{session}"')
        entry = self.keys.get(key)
        if entry is not None and entry.session not in (None, session):
            return False
        self._set(key, value, session)
        self._changed(key)
        return True

    def release(self, key: str, value: str, session: str) -> bool:
        self._answer()
        if not self._holds(key, session):
            return False
        self._set(key, value, None)
        self._changed(key)
        return True

    # -- sessions ------------------------------------------------------------------------------------------------

    def create_session(self, name: str, ttl: int, lock_delay: int, behavior: str = "release") -> str:
        self._answer()
        self._made += 1
        session = f"session-{self._made}"
        self.sessions.add(session)
        return session

    def clone(self) -> FakeConsul:
        """The same Consul, seen from another thread."""
        return self

    def renew_session(self, session: str) -> bool:
        self._answer()
        self.renewed.append(session)
        return session in self.sessions

    def session_exists(self, session: str) -> bool:
        self._answer()
        return session in self.sessions

    def destroy_session(self, session: str) -> None:
        self._answer()
        self.sessions.discard(session)
        for key, entry in self.keys.items():
            if entry.session == session:
                self.keys[key] = replace(entry, session=None)

    # -- services ------------------------------------------------------------------------------------------------

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        self._answer()
        return self._index, list(self.services.get(service, []))

    # -- inside --------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        if self.silent:
            raise RegistryUnreachableError("consul_addresses: no Consul agent answered")

    def _holds(self, lock: str, session: str) -> bool:
        self._answer()
        entry = self.keys.get(lock)
        return entry is not None and entry.session == session and session in self.sessions

    def _write(self, key: str, value: str, cas: int | None) -> bool:
        self._answer()
        for hook in list(self.before_write):
            hook(key)
        entry = self.keys.get(key)
        if cas is not None and (entry.modify_index if entry else 0) != cas:
            return False
        self._set(key, value, entry.session if entry else None)
        self._changed(key)
        return True

    def _set(self, key: str, value: str, session: str | None) -> None:
        self._index += 1
        self.keys[key] = Entry(key, value, self._index, session)

    def _changed(self, key: str) -> None:
        self.written.append(key)
        for watcher in list(self.watchers):
            watcher(key)
