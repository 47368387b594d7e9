# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Consul server that a test may stop, kill and wipe; asked over plain HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

_PORTS = {"http": 28500, "server": 28300, "serf_lan": 28301, "serf_wan": 28302, "dns": -1, "grpc": -1}


class ConsulServer:
    """One server on loopback. C(settings) join its configuration; C(token) is for what the test asks itself."""

    def __init__(self, binary: Path, folder: Path, settings: dict[str, Any] | None = None, token: str = "") -> None:
        self.address = f"http://127.0.0.1:{_PORTS['http']}"
        self.token = token
        self._binary = binary
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        configuration = {
            "server": True,
            "bootstrap_expect": 1,
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "data_dir": str(folder / "data"),
            "ports": _PORTS,
            "performance": {"raft_multiplier": 1},
            **(settings or {}),
        }
        (folder / "consul.json").write_text(json.dumps(configuration))

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            command = [str(self._binary), "agent", f"-config-file={self._folder}/consul.json"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._has_leader, f"Consul has a leader, see {self._folder}/log")

    def kill(self) -> None:
        """SIGKILL; what it had stored stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def wipe(self) -> None:
        """Forget everything that was stored."""
        shutil.rmtree(self._folder / "data")

    def services(self, name: str) -> dict[str, dict[str, Any]]:
        """The instances of a service in the catalog, by id."""
        return {item["ServiceID"]: item for item in self.ask("GET", f"/v1/catalog/service/{name}")}

    def addresses(self, name: str) -> set[tuple[str, int]]:
        """Where a service is registered."""
        return {(item["ServiceAddress"], item["ServicePort"]) for item in self.services(name).values()}

    def register(self, definition: dict[str, Any]) -> None:
        """Register something by hand."""
        self.ask("PUT", "/v1/agent/service/register", definition)

    def deregister(self, service_id: str) -> None:
        """Take something out by hand."""
        self.ask("PUT", f"/v1/agent/service/deregister/{service_id}")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the JSON of its answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method)
        if self.token:
            request.add_header("X-Consul-Token", self.token)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def _has_leader(self) -> bool:
        try:
            return bool(self.ask("GET", "/v1/status/leader")) and bool(self.ask("GET", "/v1/catalog/service/consul"))
        except OSError:
            return False
