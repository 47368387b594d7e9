# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy and its agent as the role starts them, in containers of their own on a port of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_catalog import ConsulCatalog
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_store import ConsulStore
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route
from ansible_collections.dockerflow.delivery.tests.integration.haproxy import Haproxy
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.consul_container import (
    ADDRESS,
    LABEL,
    docker,
)

PORT = 18780
DIRECTORY = "/var/lib/docker-flow-proxy"
IMAGE = os.environ.get("PROXY_IMAGE", "dockerflow/proxy:1")  # another one, to see a story fail
# As role proxy gives them.
_CAPABILITIES = {"haproxy": ("CHOWN", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")}


class ProxyContainers:
    """One proxy. C(haproxy) asks HAProxy itself; C(acknowledgement) is what its agent wrote into Consul."""

    def __init__(self, folder: Path, store: ConsulStore, catalog: ConsulCatalog) -> None:
        self.id = f"test-{uuid.uuid4().hex[:8]}"
        self.store, self.catalog = store, catalog
        self.haproxy = Haproxy(f"{self.id}-haproxy", DIRECTORY)
        self._settings = folder / self.id
        self._settings.mkdir()
        self.configure()

    def configure(self, **settings: Any) -> None:
        """Write the settings that both containers read when they start."""
        document = {
            "id": self.id,
            "directory": DIRECTORY,
            "bind": [f"*:{PORT}"],
            "observe": "127.0.0.1:18784",
            "hard_stop_after": 30,
            "consul": {"addresses": [ADDRESS]},
            **settings,
        }
        (self._settings / "proxy.json").write_text(json.dumps(document))

    def write_token(self, token: str) -> dict[str, str]:
        """Put a token beside the settings; what the settings say about it."""
        (self._settings / "token").write_text(token)
        return {"token_file": "/etc/docker-flow-proxy/token"}

    def start(self) -> None:
        """Make the containers C(haproxy) and C(agent)."""
        self.begin_unready()
        self.wait_until_ready()

    def begin_unready(self) -> None:
        """Make both containers without waiting for what becomes of them."""
        # In memory, so that a story can fill it; its content lasts as long as some container has it mounted.
        memory = ("--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=16m,mode=0711")
        docker("volume", "create", "--label", LABEL, *memory, self.id)
        docker(
            *("run", "--detach", "--network", "none", "--label", LABEL, "--name", f"{self.id}-volume"),
            *("--volume", f"{self.id}:{DIRECTORY}", "--entrypoint", "sleep", IMAGE, "infinity"),
        )
        for program in ("haproxy", "agent"):
            docker(
                *("run", "--detach", "--network", "host", "--restart", "unless-stopped", "--label", LABEL),
                *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"),
                *(option for name in _CAPABILITIES.get(program, ()) for option in ("--cap-add", name)),
                *("--name", f"{self.id}-{program}", "--volume", f"{self.id}:{DIRECTORY}"),
                *("--volume", f"{self._settings}:/etc/docker-flow-proxy:ro", IMAGE, program),
            )

    def wait_until_ready(self) -> None:
        """The agent lives and HAProxy answers it."""
        self.eventually(lambda: bool(self.acknowledgement().get("workers")), "the agent knows a worker")

    def restart(self, program: str) -> None:
        """An orderly restart of one container."""
        docker("restart", "--time", "5", f"{self.id}-{program}")

    def stop(self, program: str) -> None:
        """SIGTERM and no restart."""
        docker("stop", "--time", "10", f"{self.id}-{program}")

    def begin(self, program: str) -> None:
        """Start a stopped container."""
        docker("start", f"{self.id}-{program}")

    def kill(self, program: str) -> None:
        """SIGKILL to the process itself, so that the restart policy brings it back as after a crash."""
        pid = docker("inspect", "--format", "{{.State.Pid}}", f"{self.id}-{program}")
        os.kill(int(pid), signal.SIGKILL)

    def log(self, program: str) -> str:
        """What a container wrote."""
        return docker("logs", f"{self.id}-{program}")

    def execute(self, *command: str) -> str:
        """Run something beside HAProxy."""
        return docker("exec", f"{self.id}-haproxy", *command)

    def remove(self) -> None:
        """Leave nothing."""
        for program in ("agent", "haproxy", "volume"):
            docker("rm", "--force", f"{self.id}-{program}")
        docker("volume", "rm", "--force", self.id)

    def write(self, route: Route) -> None:
        """Write a route as the modules do."""
        self.store.put(f"docker-flow/routes/{route.service}", route.to_json())

    def acknowledgement(self) -> dict[str, Any]:
        """The document of this proxy, {} when there is none."""
        entry = self.store.get(f"docker-flow/proxies/{self.id}")
        return entry.json() if entry else {}

    def service(self, name: str) -> dict[str, Any]:
        """What the proxy acknowledges about a service."""
        services: dict[str, dict[str, Any]] = self.acknowledgement().get("services", {})
        return services.get(name, {})

    def removed(self, name: str) -> dict[str, int]:
        """What the proxy says of a route that was removed."""
        removed: dict[str, dict[str, int]] = self.acknowledgement().get("removed", {})
        return removed.get(name, {})

    def color(self, name: str, color: str) -> dict[str, int]:
        """Servers, up and open of one colour."""
        counts: dict[str, int] = self.service(name).get("colors", {}).get(color, {})
        return counts

    def wait_for_revision(self, route: Route, timeout: float = 40) -> None:
        """Until the proxy says that this revision is in effect."""
        self.eventually(
            lambda: self.service(route.service).get("revision") == route.revision, f"revision {route.revision}", timeout
        )

    def wait_until_up(self, name: str, color: str, number: int, timeout: float = 40) -> None:
        """Until exactly so many servers of a colour get requests."""

        def enough() -> bool:
            counts = self.color(name, color)
            return counts.get("up") == number and counts.get("servers") == number

        self.eventually(enough, f"{number} servers up in {name}-{color}", timeout)

    def eventually(self, condition: Any, what: str, timeout: float = 40) -> None:
        """Wait; the failure tells what the agent says."""
        if not wait_until(condition, timeout, interval=0.02, max_interval=0.2):
            raise AssertionError(
                f"not within {timeout:g} s: {what}\n{self._said()}\n"
                f"{self.log('agent')[-3000:]}\n{self.log('haproxy')[-1500:]}"
            )

    def _said(self) -> str:
        try:
            return json.dumps(self.acknowledgement(), indent=1)
        except DeliveryError as error:
            return str(error)

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
        """Ask the front door: status, version that answered, body."""
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.getheader("X-Version", ""), answer.read().decode()
        finally:
            connection.close()
