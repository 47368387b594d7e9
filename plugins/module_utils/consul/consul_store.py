# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Consul's keys and sessions as the store.

One ConsulStore belongs to one thread (py-consul shares one HTTP connection pool without locking); C(clone) makes
another for the next thread.
"""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

from ..ports.store import Entry
from .consul_client import ConsulClient, NotThereError, next_index

with contextlib.suppress(ImportError):  # CONSUL_IMPORT_ERROR says so
    from consul.callback import CB


class ConsulStore:
    """Every call ends within the connection's timeouts."""

    def __init__(self, client: ConsulClient) -> None:
        self.client = client

    def clone(self) -> ConsulStore:
        """Another store with the same connection, for another thread."""
        return ConsulStore(ConsulClient(self.client.connection))

    # -- keys ---------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        """The key, read consistently (never from a server that has lost touch), or None."""
        _index, item = self.client.call(lambda c: c.kv.get(key, consistency="consistent"))
        return _entry(item) if item else None

    def entries(self, prefix: str) -> dict[str, Entry]:
        """All keys under C(prefix), by full key."""
        _index, items = self.client.call(lambda c: c.kv.get(prefix, recurse=True, consistency="consistent"))
        return {item["Key"]: _entry(item) for item in items or []}

    def watch(self, prefix: str, index: int, wait: float) -> tuple[int, dict[str, Entry]]:
        """The keys under C(prefix) once they differ from C(index), or after C(wait) seconds; 0 answers at once.

        Read consistently: a server that has just started answers other reads while it still replays its log, with
        states of long ago.
        """
        seconds = f"{max(1, round(wait * 1000))}ms"
        found, items = self.client.call(
            lambda c: c.kv.get(prefix, recurse=True, index=index or None, wait=seconds, consistency="consistent")
        )
        return next_index(int(found), index), {item["Key"]: _entry(item) for item in items or []}

    def put(self, key: str, value: str, cas: int | None = None) -> bool:
        """Write; with C(cas), only if the key still has that ModifyIndex (0: does not exist). False: it moved."""
        attempts: list[int] = []

        def write(client: Any) -> bool:
            attempts.append(1)
            return bool(client.kv.put(key, value, cas=cas))

        if self.client.call(write):
            return True
        if len(attempts) == 1:
            return False
        # An earlier attempt may have been carried out although its answer was lost.
        entry = self.get(key)
        return entry is not None and entry.value == value

    def put_if_held(self, key: str, value: str, cas: int, lock: str, session: str) -> bool:
        """Write in one transaction with the check that C(session) still holds the lock key: the fence of a run.

        False: the lock was lost or the key moved.
        """
        encoded = base64.b64encode(value.encode()).decode()
        if self._transact(lock, session, {"Verb": "cas", "Key": key, "Value": encoded, "Index": cas}):
            return True
        # An earlier attempt may have been carried out although its answer was lost.
        entry = self.get(key)
        return entry is not None and entry.value == value

    def delete_if_held(self, key: str, cas: int, lock: str, session: str) -> bool:
        """Delete under the same fence as C(put_if_held)."""
        return self._transact(lock, session, {"Verb": "delete-cas", "Key": key, "Index": cas}) or self.get(key) is None

    def _transact(self, lock: str, session: str, operation: dict[str, Any]) -> bool:
        # py-consul's own txn sends no token.
        operations = [{"KV": {"Verb": "check-session", "Key": lock, "Session": session}}, {"KV": operation}]

        def transact(client: Any) -> bool:
            return bool(
                client.http.put(
                    _transaction_outcome,
                    "/v1/txn",
                    params=[("dc", client.dc)] if client.dc else [],
                    headers=client.prepare_headers(),
                    data=json.dumps(operations),
                )
            )

        return self.client.call(transact)

    def delete(self, key: str, cas: int | None = None) -> bool:
        """Delete one key; with C(cas), only if it still has that ModifyIndex."""
        return bool(self.client.call(lambda c: c.kv.delete(key, cas=cas)))

    def acquire(self, key: str, value: str, session: str) -> bool:
        """Take the key as a lock for C(session), or update it when that session holds it already."""
        return bool(self.client.call(lambda c: c.kv.put(key, value, acquire=session)))

    def release(self, key: str, value: str, session: str) -> bool:
        """Give the lock back."""
        return bool(self.client.call(lambda c: c.kv.put(key, value, release=session)))

    # -- sessions -----------------------------------------------------------------------------------------------

    def create_session(self, name: str, ttl: int, lock_delay: int, behavior: str = "release") -> str:
        """A session without node checks: it lives by its TTL (seconds, Consul takes 10..86400) alone."""
        session = self.client.call(
            lambda c: c.session.create(name=name, checks=[], lock_delay=lock_delay, behavior=behavior, ttl=ttl)
        )
        return str(session)

    def renew_session(self, session: str) -> bool:
        """Extend the session by its TTL. False: it is gone."""
        try:
            return self.client.call(lambda c: c.session.renew(session)) is not None
        except NotThereError:
            return False

    def session_exists(self, session: str) -> bool:
        """Whether the session still lives."""
        _index, found = self.client.call(lambda c: c.session.info(session))
        return found is not None

    def destroy_session(self, session: str) -> None:
        """End the session; its locks are released (or deleted, as its behavior says)."""
        self.client.call(lambda c: c.session.destroy(session))


def _transaction_outcome(response: Any) -> bool:
    if response.code == 409:
        return False
    return bool(CB.boolean()(response))


def _entry(item: dict[str, Any]) -> Entry:
    raw = item["Value"]
    return Entry(item["Key"], (raw or b"").decode("utf-8", "replace"), int(item["ModifyIndex"]), item.get("Session"))
