# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the agent and the entrypoint of the proxy's container are told, from one JSON file that both read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..consul.consul_client import Connection
from ..core.errors import DeliveryError
from ..core.names import nearest

_BIND = re.compile(r"(\*|[0-9.]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_PREFIX = re.compile(r"([A-Za-z0-9_.-]+/)+")


@dataclass(frozen=True, slots=True)
class Paths:
    """What every proxy and its agent share, beside the proxy's own files."""

    directory: Path

    @property
    def last_good(self) -> Path:
        """The routes and servers that were last in effect."""
        return self.directory / "last-good.json"

    @property
    def lock(self) -> Path:
        """Locked by whoever writes these files."""
        return self.directory / "lock"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is chosen when a proxy is installed.

    C(provider) names the kind of proxy. C(bind) and C(observe) are C(address:port); C(observe) serves statistics
    and metrics and belongs on a loopback address. C(hard_stop_after) bounds, in seconds, how long a replaced worker
    may finish its requests; by default as long as a WebSocket may be silent. The proxy derives how many connections
    it takes from C(file_limit) and the container's own limit, whichever is lower. C(user), and the group of the
    same name, is what its workers become. C(haproxy) is the program of that provider.
    """

    id: str
    connection: Connection
    paths: Paths
    provider: str = "haproxy"
    bind: tuple[str, ...] = ("*:80",)
    observe: str = "127.0.0.1:8404"
    prefix: str = "docker-flow/"
    hard_stop_after: int = 3600
    file_limit: int = 65536
    client_timeout: int = 60
    log_requests: bool = False
    user: str | None = "haproxy"
    haproxy: str = "haproxy"

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise DeliveryError(f"proxy_id '{self.id}' may hold letters, digits and _.- only")
        if not _PREFIX.fullmatch(self.prefix):
            raise DeliveryError(f"consul_prefix '{self.prefix}' must look like 'docker-flow/'")
        for option, bind in (*(("bind", bind) for bind in self.bind), ("observe", self.observe)):
            if not _BIND.fullmatch(bind) or not 0 < int(bind.rpartition(":")[2]) < 65536:
                raise DeliveryError(f"{option} '{bind}' is not an address and a port such as *:80 or 127.0.0.1:8404")
        if self.user is not None and not _ID.fullmatch(self.user):
            raise DeliveryError(f"user '{self.user}' is not a user name")

    @classmethod
    def read(cls, path: Path) -> Settings:
        """From the JSON file at C(path); raises DeliveryError that names what is wrong in it."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DeliveryError(f"the settings of the proxy in {path} cannot be read: {error}") from error
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Settings:
        """From the settings file's JSON object; the token is read from the file that C(consul.token_file) names."""
        values = dict(document)
        consul = dict(values.pop("consul", {}))
        token_file = consul.pop("token_file", None)
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip() if token_file else None
        except OSError as error:
            raise DeliveryError(f"consul_token: the token file {token_file} cannot be read: {error}") from error
        known = {"id", "directory", *cls.__dataclass_fields__} - {"connection", "paths"}
        for name in values:
            if name not in known:
                raise DeliveryError(f"the proxy has no setting '{name}'{nearest(name, known)}")
        try:
            directory = Path(values.pop("directory"))
            values["bind"] = tuple(values.get("bind", cls.__dataclass_fields__["bind"].default))
            consul["addresses"] = tuple(consul["addresses"])
            return cls(connection=Connection(token=token or None, **consul), paths=Paths(directory), **values)
        except (KeyError, TypeError) as error:
            raise DeliveryError(f"the settings of the proxy are incomplete or have an unknown name: {error}") from error
