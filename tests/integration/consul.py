# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in Consul, asked over plain HTTP and not through the collection under test."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Registration:
    """An instance in the catalog."""

    id: str
    address: str
    port: int
    meta: dict[str, str]
    status: str  # the worst of its checks: passing, warning, critical


class Consul:
    """The agent at C(address), for example http://127.0.0.1:8500; C(prefix) is that of our keys."""

    def __init__(self, address: str, prefix: str = "docker-flow/") -> None:
        self.address = address
        self.prefix = prefix

    def value(self, key: str) -> Any:
        """The JSON under our prefix, or None."""
        try:
            return json.loads(self._ask("GET", f"/v1/kv/{quote(self.prefix + key)}?raw=true&consistent=true"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def route(self, service: str) -> dict[str, Any] | None:
        """A route that was removed is none."""
        route: dict[str, Any] | None = self.value(f"routes/{service}")
        return None if route is None or route.get("removed") else route

    def live(self, service: str) -> str | None:
        """The colour that users are sent to, as the route says."""
        route = self.route(service)
        return None if route is None else route["split"]["live"]

    def release(self, service: str) -> dict[str, Any] | None:
        return self.value(f"releases/{service}")

    def lock(self, service: str) -> dict[str, Any] | None:
        return self.value(f"locks/{service}")

    def proxies(self) -> dict[str, dict[str, Any]]:
        """What the proxies last said of themselves, by id."""
        return {key.rpartition("/")[2]: self.value(key) for key in self.keys("proxies/")}

    def keys(self, below: str = "") -> list[str]:
        """Our keys that begin with C(below), without the prefix."""
        try:
            found = json.loads(self._ask("GET", f"/v1/kv/{quote(self.prefix + below)}?keys=true&consistent=true"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
        return [key.removeprefix(self.prefix) for key in found]

    def instances(self, name: str) -> list[Registration]:
        """All registered instances of a service, whatever their checks say."""
        return [
            Registration(
                id=item["Service"]["ID"],
                address=item["Service"]["Address"] or item["Node"]["Address"],
                port=item["Service"]["Port"],
                meta=item["Service"]["Meta"] or {},
                status=_worst([check["Status"] for check in item["Checks"]]),
            )
            for item in json.loads(self._ask("GET", f"/v1/health/service/{quote(name)}"))
        ]

    def put(self, key: str, document: Any) -> None:
        self._ask("PUT", f"/v1/kv/{quote(self.prefix + key)}", json.dumps(document).encode())

    def delete(self, key: str) -> None:
        self._ask("DELETE", f"/v1/kv/{quote(self.prefix + key)}")

    def healthy(self) -> bool:
        """Whether the agent answers and knows a leader."""
        try:
            return json.loads(self._ask("GET", "/v1/status/leader")) != ""
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.address + path, body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())


def _worst(states: list[str]) -> str:
    return max(states, key=["passing", "warning", "critical"].index, default="passing")
