# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The registry port: Consul's key-value store, sessions and services.

One Registry belongs to one thread (py-consul shares one HTTP connection pool without locking); C(clone) makes
another for the next thread.
"""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from ..core.errors import RegistryError
from .consul_client import CONSUL_IMPORT_ERROR, Connection, ConsulClient, NotThereError

with contextlib.suppress(ImportError):  # CONSUL_IMPORT_ERROR says so
    from consul.callback import CB

__all__ = ["CONSUL_IMPORT_ERROR", "Connection", "Entry", "Instance", "Registry"]


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


@dataclass(frozen=True, slots=True)
class Instance:
    """One registered instance of a service.

    C(node_alive) is the node's serfHealth, C(passing) whether all other checks of the service and node pass.
    """

    id: str
    address: str
    port: int
    node: str
    node_alive: bool
    passing: bool
    meta: dict[str, str]
    tags: tuple[str, ...]


class Registry(ConsulClient):
    """Consul as the modules and agents see it. Every call ends within the connection's timeouts."""

    def clone(self) -> Registry:
        """Another Registry with the same connection, for another thread."""
        return Registry(self.connection)

    # -- keys ---------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        """The key, read consistently (never from a server that has lost touch), or None."""
        _index, item = self.call(lambda c: c.kv.get(key, consistency="consistent"))
        return _entry(item) if item else None

    def entries(self, prefix: str) -> dict[str, Entry]:
        """All keys under C(prefix), by full key."""
        _index, items = self.call(lambda c: c.kv.get(prefix, recurse=True, consistency="consistent"))
        return {item["Key"]: _entry(item) for item in items or []}

    def watch(self, prefix: str, index: int, wait: float) -> tuple[int, dict[str, Entry]]:
        """The keys under C(prefix) once they differ from C(index), or after C(wait) seconds; 0 answers at once."""
        seconds = f"{max(1, round(wait * 1000))}ms"
        found, items = self.call(lambda c: c.kv.get(prefix, recurse=True, index=index or None, wait=seconds))
        return _next_index(int(found), index), {item["Key"]: _entry(item) for item in items or []}

    def put(self, key: str, value: str, cas: int | None = None) -> bool:
        """Write; with C(cas), only if the key still has that ModifyIndex (0: does not exist). False: it moved."""
        attempts: list[int] = []

        def write(client: Any) -> bool:
            attempts.append(1)
            return bool(client.kv.put(key, value, cas=cas))

        if self.call(write):
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

        return self.call(transact)

    def delete(self, key: str, cas: int | None = None) -> bool:
        """Delete one key; with C(cas), only if it still has that ModifyIndex."""
        return bool(self.call(lambda c: c.kv.delete(key, cas=cas)))

    def delete_prefix(self, prefix: str) -> None:
        """Delete every key under C(prefix), which must end with a slash."""
        if not prefix.endswith("/"):
            raise ValueError("a prefix to delete ends with '/', else it takes its neighbours along")
        self.call(lambda c: c.kv.delete(prefix, recurse=True))

    def acquire(self, key: str, value: str, session: str) -> bool:
        """Take the key as a lock for C(session), or update it when that session holds it already."""
        return bool(self.call(lambda c: c.kv.put(key, value, acquire=session)))

    def release(self, key: str, value: str, session: str) -> bool:
        """Give the lock back."""
        return bool(self.call(lambda c: c.kv.put(key, value, release=session)))

    # -- sessions -----------------------------------------------------------------------------------------------

    def create_session(self, name: str, ttl: int, lock_delay: int, behavior: str = "release") -> str:
        """A session without node checks: it lives by its TTL (seconds, Consul takes 10..86400) alone."""
        session = self.call(
            lambda c: c.session.create(name=name, checks=[], lock_delay=lock_delay, behavior=behavior, ttl=ttl)
        )
        return str(session)

    def renew_session(self, session: str) -> bool:
        """Extend the session by its TTL. False: it is gone."""
        try:
            return self.call(lambda c: c.session.renew(session)) is not None
        except NotThereError:
            return False

    def session_exists(self, session: str) -> bool:
        """Whether the session still lives."""
        _index, found = self.call(lambda c: c.session.info(session))
        return found is not None

    def destroy_session(self, session: str) -> None:
        """End the session; its locks are released (or deleted, as its behavior says)."""
        self.call(lambda c: c.session.destroy(session))

    # -- services -----------------------------------------------------------------------------------------------

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        """All registered instances of a service whatever their health, by blocking query when C(index) is given."""
        seconds = f"{max(1, round(wait * 1000))}ms"
        found, items = self.call(lambda c: c.health.service(service, index=index or None, wait=seconds))
        return _next_index(int(found), index), [_instance(item) for item in items or []]

    def agent_services(self) -> dict[str, dict[str, Any]]:
        """The services at the local agent by id, whoever registered them: somebody else's id is not ours to use."""
        return dict(self.call(lambda c: c.agent.services()) or {})

    def register(self, definition: dict[str, Any]) -> None:
        """Register a service at the local agent; C(definition) is Consul's JSON. Replaces the service's checks."""

        def put(client: Any) -> bool:
            return bool(
                client.http.put(
                    CB.boolean(),
                    "/v1/agent/service/register",
                    params=[("replace-existing-checks", "true")],
                    headers=client.prepare_headers(),
                    data=json.dumps(definition),
                )
            )

        self.call(put)

    def deregister(self, service_id: str) -> None:
        """Remove a service from the local agent; an id that is not there (any more) is fine."""
        try:
            self.call(lambda c: c.agent.service.deregister(service_id))
        except NotThereError:
            return
        except RegistryError as error:
            if "Unknown service" not in str(error):
                raise


def _transaction_outcome(response: Any) -> bool:
    if response.code == 409:
        return False
    return bool(CB.boolean()(response))


def _entry(item: dict[str, Any]) -> Entry:
    raw = item["Value"]
    return Entry(item["Key"], (raw or b"").decode("utf-8", "replace"), int(item["ModifyIndex"]), item.get("Session"))


def _instance(item: dict[str, Any]) -> Instance:
    service, node = item["Service"], item["Node"]
    checks = item.get("Checks") or []
    alive = all(check["Status"] != "critical" for check in checks if check["CheckID"] == "serfHealth")
    passing = all(check["Status"] != "critical" for check in checks if check["CheckID"] != "serfHealth")
    return Instance(
        id=service["ID"],
        address=service.get("Address") or node["Address"],
        port=int(service["Port"]),
        node=node["Node"],
        node_alive=alive,
        passing=passing,
        meta=service.get("Meta") or {},
        tags=tuple(service.get("Tags") or ()),
    )


def _next_index(found: int, before: int) -> int:
    # An index that goes back (a restored snapshot, a new cluster) must start over, or the watch sleeps for ever.
    return 0 if found < before else found
