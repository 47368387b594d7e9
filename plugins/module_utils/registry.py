# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry port: Consul's key-value store, sessions and services, over py-consul.

One Registry belongs to one thread (py-consul shares one HTTP connection pool without locking); C(clone) makes
another for the next thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .errors import RegistryError, RegistryUnreachable
from .waiting import Deadline

try:
    import consul
    import requests
    from consul.callback import CB
except ImportError as error:  # The module that imports this file reports it; the sanity tests import without it.
    CONSUL_IMPORT_ERROR: ImportError | None = error
else:
    CONSUL_IMPORT_ERROR = None

T = TypeVar("T")

# A new leader is there in 2-4 s with raft_multiplier 1; what Consul answers meanwhile is worth another try.
_PASSING_TROUBLE = ("No cluster leader", "rpc error", "leadership lost", "raft is already", "not ready to serve")
# A token that was used before it reached this agent is refused for 30 s (hashicorp/consul#11704).
_YOUNG_TOKEN = "ACL not found"


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach Consul.

    C(addresses) are URLs (C(http://127.0.0.1:8500), C(https://…)), tried in order. C(timeout) bounds one call in
    seconds, C(patience) how long passing trouble (no leader, a token not yet known) is retried.
    """

    addresses: tuple[str, ...] = ("http://127.0.0.1:8500",)
    token: str | None = field(default=None, repr=False)
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = field(default=None, repr=False)
    datacenter: str | None = None
    timeout: float = 10.0
    patience: float = 10.0


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


class Registry:
    """Consul as the modules and agents see it. Every call ends within the connection's timeouts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._clients: dict[str, Any] = {}
        self._order = list(connection.addresses)

    def clone(self) -> Registry:
        """Another Registry with the same connection, for another thread."""
        return Registry(self.connection)

    # -- keys ---------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        """The key, read consistently (never from a server that has lost touch), or None."""
        _index, item = self._call(lambda c: c.kv.get(key, consistency="consistent"))
        return _entry(item) if item else None

    def list(self, prefix: str) -> dict[str, Entry]:
        """All keys under C(prefix), by full key."""
        _index, items = self._call(lambda c: c.kv.get(prefix, recurse=True, consistency="consistent"))
        return {item["Key"]: _entry(item) for item in items or []}

    def watch(self, prefix: str, index: int, wait: float) -> tuple[int, dict[str, Entry]]:
        """The keys under C(prefix) once they differ from C(index), or after C(wait) seconds; 0 answers at once."""
        seconds = f"{max(1, round(wait * 1000))}ms"
        found, items = self._call(lambda c: c.kv.get(prefix, recurse=True, index=index or None, wait=seconds))
        return _next_index(int(found), index), {item["Key"]: _entry(item) for item in items or []}

    def put(self, key: str, value: str, cas: int | None = None) -> bool:
        """Write; with C(cas), only if the key still has that ModifyIndex (0: does not exist). False: it moved."""
        attempts: list[int] = []

        def write(client: Any) -> bool:
            attempts.append(1)
            return bool(client.kv.put(key, value, cas=cas))

        if self._call(write):
            return True
        if len(attempts) == 1:
            return False
        # An earlier attempt may have been carried out although its answer was lost.
        entry = self.get(key)
        return entry is not None and entry.value == value

    def delete(self, key: str, cas: int | None = None) -> bool:
        """Delete one key; with C(cas), only if it still has that ModifyIndex."""
        return bool(self._call(lambda c: c.kv.delete(key, cas=cas)))

    def delete_prefix(self, prefix: str) -> None:
        """Delete every key under C(prefix), which must end with a slash."""
        if not prefix.endswith("/"):
            raise ValueError("a prefix to delete ends with '/', else it takes its neighbours along")
        self._call(lambda c: c.kv.delete(prefix, recurse=True))

    def acquire(self, key: str, value: str, session: str) -> bool:
        """Take the key as a lock for C(session), or update it when that session holds it already."""
        return bool(self._call(lambda c: c.kv.put(key, value, acquire=session)))

    def release(self, key: str, value: str, session: str) -> bool:
        """Give the lock back."""
        return bool(self._call(lambda c: c.kv.put(key, value, release=session)))

    # -- sessions -----------------------------------------------------------------------------------------------

    def create_session(self, name: str, ttl: int, lock_delay: int, behavior: str = "release") -> str:
        """A session without node checks: it lives by its TTL (seconds, Consul takes 10..86400) alone."""
        session = self._call(
            lambda c: c.session.create(name=name, checks=[], lock_delay=lock_delay, behavior=behavior, ttl=ttl)
        )
        return str(session)

    def renew_session(self, session: str) -> bool:
        """Extend the session by its TTL. False: it is gone."""
        try:
            return self._call(lambda c: c.session.renew(session)) is not None
        except _NoSuchThing:
            return False

    def session_exists(self, session: str) -> bool:
        """Whether the session still lives."""
        _index, found = self._call(lambda c: c.session.info(session))
        return found is not None

    def destroy_session(self, session: str) -> None:
        """End the session; its locks are released (or deleted, as its behavior says)."""
        self._call(lambda c: c.session.destroy(session))

    # -- services -----------------------------------------------------------------------------------------------

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        """All registered instances of a service whatever their health, by blocking query when C(index) is given."""
        seconds = f"{max(1, round(wait * 1000))}ms"
        found, items = self._call(lambda c: c.health.service(service, index=index or None, wait=seconds))
        return _next_index(int(found), index), [_instance(item) for item in items or []]

    def agent_services(self, owner: str) -> dict[str, dict[str, Any]]:
        """The services at the local agent that carry C(owner) in their Meta, by id."""
        return dict(self._call(lambda c: c.agent.services(filter_expr=f'Meta["owner"] == "{owner}"')) or {})

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

        self._call(put)

    def deregister(self, service_id: str) -> None:
        """Remove a service from the local agent; an id that is not there (any more) is fine."""
        try:
            self._call(lambda c: c.agent.service.deregister(service_id))
        except _NoSuchThing:
            return
        except RegistryError as error:
            if "Unknown service" not in str(error):
                raise

    # -- the calls themselves -------------------------------------------------------------------------------------

    def _call(self, operation: Callable[[Any], T]) -> T:
        patience = Deadline(self.connection.patience)
        pause = 0.1
        while True:
            try:
                return self._try_addresses(operation)
            except _PassingTrouble as error:
                if patience.passed:
                    raise RegistryError(f"Consul cannot answer: {error}") from error
            time.sleep(min(pause, max(patience.remaining, 0.01)))
            pause = min(pause * 2, 1.0)

    def _try_addresses(self, operation: Callable[[Any], T]) -> T:
        problems = []
        for address in list(self._order):
            try:
                result = operation(self._client(address))
            except requests.RequestException as error:
                problems.append(f"{address} ({_short(error)})")
                continue
            except consul.ConsulException as error:
                raise _translated(error, self.connection) from error
            if address != self._order[0]:  # The next call starts with the address that answered.
                self._order.remove(address)
                self._order.insert(0, address)
            return result
        raise RegistryUnreachable(
            f"consul_addresses: no Consul agent answered at {', '.join(problems)}: start Consul there or correct the "
            f"address"
        )

    def _client(self, address: str) -> Any:
        client = self._clients.get(address)
        if client is None:
            parts = urlsplit(address if "//" in address else f"//{address}", scheme="http")
            if not parts.hostname or parts.scheme not in ("http", "https"):
                raise RegistryError(f"consul_addresses: '{address}' is not a URL like http://127.0.0.1:8500")
            connection = self.connection
            os.environ.pop("CONSUL_HTTP_TOKEN", None)  # py-consul would prefer it to the token that was configured
            client = consul.Consul(
                host=parts.hostname,
                port=parts.port or (8501 if parts.scheme == "https" else 8500),
                token=connection.token,
                scheme=parts.scheme,
                dc=connection.datacenter,
                verify=connection.ca_path or True,
                cert=(connection.client_cert, connection.client_key) if connection.client_cert else None,
                connections_timeout=connection.timeout,
            )
            client.http.session.trust_env = False  # A proxy or .netrc of the environment is not for the local agent.
            self._clients[address] = client
        return client


class _PassingTrouble(Exception):
    """Worth another try within the connection's patience."""


class _NoSuchThing(RegistryError):
    """404 where the thing must exist."""


def _translated(error: Exception, connection: Connection) -> Exception:
    text = " ".join(str(error).split())
    if isinstance(error, consul.NotFound):
        return _NoSuchThing(f"Consul does not know it: {text}")
    if _YOUNG_TOKEN in text or any(sign in text for sign in _PASSING_TROUBLE):
        return _PassingTrouble(text)
    if isinstance(error, (consul.ACLPermissionDenied, consul.ACLDisabled)):
        return RegistryError(
            f"consul_token: Consul refused the token ({text}): give one with the rights that are needed"
        )
    if "No path to datacenter" in text:
        return RegistryError(f"consul_datacenter '{connection.datacenter}' is unknown to Consul: correct or remove it")
    return RegistryError(f"Consul answered {text or type(error).__name__}")


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


def _short(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate could not be verified: check consul_ca_path"
    return "connection refused or reset" if isinstance(error, requests.ConnectionError) else type(error).__name__
