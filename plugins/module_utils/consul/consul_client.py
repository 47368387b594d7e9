# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Asking Consul over py-consul: several addresses, deadlines, and errors that say what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..core.errors import RegistryError, RegistryUnreachableError
from ..core.waiting import Deadline

try:
    import requests

    import consul
except ImportError as error:  # The module that imports this file reports it; the sanity tests import without it.
    CONSUL_IMPORT_ERROR: ImportError | None = error
else:
    CONSUL_IMPORT_ERROR = None

T = TypeVar("T")

# A new leader is there in 2-4 s with raft_multiplier 1; what Consul answers meanwhile is worth another try.
_PASSING_TROUBLE = ("No cluster leader", "rpc error", "leadership lost", "raft is already", "not ready to serve")
# A token that was used before it reached this agent is refused for 30 s (hashicorp/consul#11704).
_YOUNG_TOKEN = "ACL not found"
_NO_SESSION = "invalid session"


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


class _PassingTroubleError(Exception):
    """Worth another try within the connection's patience."""


class NotThereError(RegistryError):
    """404 where the thing must exist."""


class ConsulClient:
    """Calls to Consul that end within the connection's timeouts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._clients: dict[str, Any] = {}
        self._order = list(connection.addresses)

    def call(self, operation: Callable[[Any], T]) -> T:
        patience = Deadline(self.connection.patience)
        pause = 0.1
        while True:
            try:
                return self._try_addresses(operation)
            except _PassingTroubleError as error:
                if patience.passed:
                    raise RegistryError(_lasting_trouble(str(error))) from error
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
        raise RegistryUnreachableError(
            f"consul_addresses: no Consul agent answered at {', '.join(problems)}: start Consul there or correct the "
            f"address"
        )

    def _client(self, address: str) -> Any:
        client = self._clients.get(address)
        if client is None:
            host, port, scheme = _place(address)
            connection = self.connection
            os.environ.pop("CONSUL_HTTP_TOKEN", None)  # py-consul would prefer it to the token that was configured
            client = consul.Consul(
                host=host,
                port=port,
                token=connection.token,
                scheme=scheme,
                dc=connection.datacenter,
                verify=connection.ca_path or True,
                cert=(connection.client_cert, connection.client_key) if connection.client_cert else None,
                connections_timeout=connection.timeout,
            )
            client.http.session.trust_env = False  # A proxy or .netrc of the environment is not for the local agent.
            self._clients[address] = client
        return client


def _place(address: str) -> tuple[str, int, str]:
    """Host, port and scheme of an address; without a scheme it is http."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}", scheme="http")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise RegistryError(f"consul_addresses: '{address}' is not a URL like http://127.0.0.1:8500")
    host = f"[{host}]" if ":" in host else host  # IPv6
    return host, port or (8501 if parts.scheme == "https" else 8500), parts.scheme


def _lasting_trouble(text: str) -> str:
    if _YOUNG_TOKEN in text:
        return f"consul_token: Consul does not know the token ({text}): give one that exists"
    return f"Consul cannot answer ({text}): look at its servers, they have no leader or cannot be reached"


def _translated(error: Exception, connection: Connection) -> Exception:
    text = " ".join(str(error).split())
    if isinstance(error, consul.NotFound):
        return NotThereError(f"Consul does not know it: {text}")
    if _YOUNG_TOKEN in text:
        return _PassingTroubleError(text)
    # An agent that is no server puts "rpc error" before these, but they do not pass.
    if isinstance(error, (consul.ACLPermissionDenied, consul.ACLDisabled)):
        return RegistryError(
            f"consul_token: Consul refused the token ({text}): give one with the rights that are needed"
        )
    if "No path to datacenter" in text:
        return RegistryError(f"consul_datacenter '{connection.datacenter}' is unknown to Consul: correct or remove it")
    if _NO_SESSION not in text.lower() and any(sign in text for sign in _PASSING_TROUBLE):
        return _PassingTroubleError(text)
    return RegistryError(f"Consul answered {text or type(error).__name__}")


def _short(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate could not be verified: check consul_ca_path"
    return "connection refused or reset" if isinstance(error, requests.ConnectionError) else type(error).__name__


def next_index(found: int, before: int) -> int:
    """The index for the next blocking query, after one with C(before) answered C(found).

    An index that goes back (a restored snapshot, a new cluster) must start over, or the query sleeps for ever.
    """
    return 0 if found < before else found
