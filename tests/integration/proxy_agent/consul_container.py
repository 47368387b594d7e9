# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Consul of these stories' own, in a container that can be stopped, started and replaced by an empty one."""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_catalog import ConsulCatalog
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_client import Connection, ConsulClient
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_store import ConsulStore
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until

ADDRESS = "http://127.0.0.1:18700"
LABEL = "dockerflow.test=proxy_agent"
_SETTINGS = {
    "server": True,
    "bootstrap_expect": 1,
    "bind_addr": "127.0.0.1",
    "client_addr": "127.0.0.1",
    "performance": {"raft_multiplier": 1},
    "ports": {"http": 18700, "server": 18701, "serf_lan": 18702, "serf_wan": 18703, "dns": -1, "grpc": -1},
}
_START = 'echo "$SETTINGS" >/tmp/consul.json; exec consul agent -config-file /tmp/consul.json -data-dir /var/lib/consul'


def docker(*arguments: str, timeout: float = 60) -> str:
    """Run the client; its output. An error is an AssertionError with what it said."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr or done.stdout}")
    return (done.stdout + done.stderr if arguments[0] == "logs" else done.stdout).strip()


class ConsulContainer:
    """One server on loopback. C(store) and C(catalog) ask it, with all rights. C(settings) are added to its own."""

    def __init__(self, settings: dict[str, Any] | None = None, token: str | None = None) -> None:
        client = ConsulClient(Connection((ADDRESS,), token=token, timeout=5, patience=5))
        self.store, self.catalog = ConsulStore(client), ConsulCatalog(client)
        self._settings = json.dumps({**_SETTINGS, **(settings or {})})
        self._container = ""

    def start(self) -> None:
        """Make it, or start it again with what it had stored."""
        if self._container:
            docker("start", self._container)
        else:
            self._container = docker(
                *("run", "--detach", "--network", "host", "--label", LABEL),
                *("--name", f"test-consul-{uuid.uuid4().hex[:8]}", "--env", f"SETTINGS={self._settings}"),
                *("--entrypoint", "sh", "dockerflow/consul:1.8.7", "-c", _START),
            )
        if not wait_until(self._ready, 30):
            raise AssertionError(f"Consul has no leader: {docker('logs', self._container)[-2000:]}")

    def stop(self) -> None:
        """SIGKILL; what it had stored stays."""
        docker("kill", self._container)

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        docker("pause", self._container)

    def unpause(self) -> None:
        """It goes on."""
        docker("unpause", self._container)

    def lose_everything(self) -> None:
        """The same address, a new and empty Consul."""
        self.remove()
        self.start()

    def remove(self) -> None:
        """Leave nothing."""
        if self._container:
            docker("rm", "--force", "--volumes", self._container)
            self._container = ""

    def _ready(self) -> bool:
        try:
            return self.store.put("ready", "yes")
        except DeliveryError:
            return False
