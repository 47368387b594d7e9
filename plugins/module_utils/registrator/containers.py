# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The containers of the node, each inspected once as long as nothing about it changes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from .container import Container, container_of
from .docker_api import DockerApi

_Fingerprint = tuple[Any, ...]


class Containers:
    """What runs now. The list is asked for every time; inspecting is what costs, so it is repeated only when the list
    shows a difference (everything that can change in a container and matters here is in the list too), or an event
    named the container: the list lags behind events, an inspection does not.
    """

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self._known: dict[str, tuple[_Fingerprint | None, Container | None]] = {}
        self.problems: dict[str, str] = {}

    def look(self, touched: AbstractSet[str]) -> dict[str, Container]:
        """All containers by id; C(touched) are looked at anew. One that cannot be read is left out, see C(problems)."""
        rows = {row["Id"]: _fingerprint(row) for row in self._api.containers()}
        for container_id in rows.keys() | touched:
            fingerprint = rows.get(container_id)
            known = self._known.get(container_id)
            if known is None or known[0] != fingerprint or container_id in touched:
                self._inspect(container_id, fingerprint)
        for container_id in self._known.keys() - rows.keys() - touched:
            self._forget(container_id)
        return {container_id: known[1] for container_id, known in self._known.items() if known[1]}

    def _inspect(self, container_id: str, fingerprint: _Fingerprint | None) -> None:
        inspected = self._api.inspect(container_id)
        self._forget(container_id)
        if inspected is None:
            return
        try:
            container = container_of(inspected)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # One strange container must not keep the others out of the registry.
            self.problems[container_id] = f"cannot be read: {type(error).__name__} {error}"
            self._known[container_id] = (fingerprint, None)
        else:
            self._known[container_id] = (fingerprint, container)

    def _forget(self, container_id: str) -> None:
        self._known.pop(container_id, None)
        self.problems.pop(container_id, None)


def _fingerprint(row: Mapping[str, Any]) -> _Fingerprint:
    status = row.get("Status") or ""
    health = status[status.find("(") :] if "(" in status and status.startswith("Up") else ""
    ports = sorted(
        (port.get("IP", ""), port.get("PrivatePort", 0), port.get("PublicPort", 0), port.get("Type", ""))
        for port in row.get("Ports") or ()
    )
    return (row.get("State"), health, tuple(row.get("Names") or ()), tuple(ports))
