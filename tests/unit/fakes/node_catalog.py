# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services at one Consul agent in memory, as the registrator sees and changes them."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    RegistryError,
    RegistryUnreachableError,
)


class FakeCatalog:
    """C(services) by id, in the shape of C(/v1/agent/services). C(calls) lists each change that was carried out.

    C(silent) makes every call fail as if no agent answered, C(silent_after) once that many more changes were made.
    C(refused) are ids that Consul has something against. C(connections) counts how often it was reached anew, C(reads)
    how often it was asked for all services.
    """

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.silent = False
        self.silent_after: int | None = None
        self.refused: set[str] = set()
        self.connections = 0
        self.reads = 0

    def connect(self) -> FakeCatalog:
        """Reaching it succeeds always: the first call shows whether it answers."""
        self.connections += 1
        return self

    def addresses(self, name: str) -> set[int]:
        """The ports under which a service is registered."""
        return {service["Port"] for service in self.services.values() if service["Service"] == name}

    # -- what the registrator calls ------------------------------------------------------------------------------

    def agent_services(self) -> dict[str, dict[str, Any]]:
        self.reads += 1
        self._answer()
        return copy.deepcopy(self.services)

    def register(self, definition: dict[str, Any]) -> None:
        self._change(definition["ID"])
        self.services[definition["ID"]] = {
            "ID": definition["ID"],
            "Service": definition["Name"],
            "Address": definition["Address"],
            "Port": definition["Port"],
            "Tags": list(definition["Tags"]),
            "Meta": dict(definition["Meta"]),
            "EnableTagOverride": False,
        }
        self.calls.append(f"+ {definition['ID']}")

    def deregister(self, service_id: str) -> None:
        self._change(service_id)
        self.services.pop(service_id, None)
        self.calls.append(f"- {service_id}")

    # -- inside --------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        if self.silent:
            raise RegistryUnreachableError("consul_addresses: no Consul agent answered")

    def _change(self, service_id: str) -> None:
        if self.silent_after == 0:
            self.silent, self.silent_after = True, None
        self._answer()
        if service_id in self.refused:
            raise RegistryError("Consul answered 400 Bad Request: Invalid service address")
        if self.silent_after is not None:
            self.silent_after -= 1
