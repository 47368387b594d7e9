# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Consul's catalog of services, and the local agent that services are registered at."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from ..core.errors import RegistryError
from ..ports.catalog import Instance
from .consul_client import ConsulClient, NotThereError, next_index

with contextlib.suppress(ImportError):  # CONSUL_IMPORT_ERROR says so
    from consul.callback import CB


class ConsulCatalog:
    """One ConsulCatalog belongs to one thread, as a ConsulStore does. Every call ends within the timeouts."""

    def __init__(self, client: ConsulClient) -> None:
        self._client = client

    def clone(self) -> ConsulCatalog:
        """Another catalog with the same connection, for another thread."""
        return ConsulCatalog(ConsulClient(self._client.connection))

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        """All registered instances of a service whatever their health, by blocking query when C(index) is given.

        Read consistently, as ConsulStore.watch() does.
        """
        # py-consul's own call cannot ask for consistency.
        parameters = [("consistent", "1")]
        if index:
            parameters += [("index", str(index)), ("wait", f"{max(1, round(wait * 1000))}ms")]

        def ask(client: Any) -> Any:
            return client.http.get(
                CB.json(index=True),
                f"/v1/health/service/{service}",
                params=[*parameters, *([("dc", client.dc)] if client.dc else [])],
                headers=client.prepare_headers(),
            )

        found, items = self._client.call(ask)
        return next_index(int(found), index), [_instance(item) for item in items or []]

    def agent_services(self) -> dict[str, dict[str, Any]]:
        """The services at the local agent by id, whoever registered them: somebody else's id is not ours to use."""
        return dict(self._client.call(lambda c: c.agent.services()) or {})

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

        self._client.call(put)

    def deregister(self, service_id: str) -> None:
        """Remove a service from the local agent; an id that is not there (any more) is fine."""
        try:
            self._client.call(lambda c: c.agent.service.deregister(service_id))
        except NotThereError:
            return
        except RegistryError as error:
            if "Unknown service" not in str(error):
                raise


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
