# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One routed service of a story: its instances as processes of this machine, their registration, its route."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, RouteOptions, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.tests.integration.proxy_agent.proxy_containers import PORT, ProxyContainers

_INSTANCE = Path(__file__).with_name("instance.py")


@dataclasses.dataclass
class Instance:
    """A running (or never started) instance."""

    id: str
    name: str
    port: int
    process: subprocess.Popen[bytes] | None

    def signal(self, number: int) -> None:
        """Send a signal to its process."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


class Service:
    """A service with a path of its own. Its version is its colour."""

    def __init__(self, proxy: ProxyContainers) -> None:
        self.proxy = proxy
        self.name = f"svc-{uuid.uuid4().hex[:8]}"
        self.path = f"/{self.name}"
        self.url = f"http://127.0.0.1:{PORT}{self.path}"
        self.key = f"docker-flow/routes/{self.name}"
        self.instances: list[Instance] = []
        self.route = Route(
            service=self.name,
            revision=0,
            paths=(self.path,),
            split=Split("blue"),
            options=RouteOptions(check_path=f"{self.path}/health", retries=0),
        )

    def run(self, color: str, number: int = 1, *, listen: bool = True) -> list[Instance]:
        """Start and register instances; C(listen=False): nothing is behind the address."""
        made = []
        for _unused in range(number):
            process = None
            with socket.socket() as door:
                door.bind(("127.0.0.1", 0))
                port = door.getsockname()[1]
                if listen:
                    command = [sys.executable, "-S", str(_INSTANCE), str(door.fileno()), color]
                    process = subprocess.Popen(command, pass_fds=[door.fileno()])
            made.append(Instance(f"{self.name}-{port}", f"{self.name}-{color}", port, process))
        self.instances += made
        for instance in made:
            if listen and not wait_until(lambda port=instance.port: _answers(port), 20):
                raise AssertionError(f"the instance on port {instance.port} does not start")
            self.register(instance)
        return made

    def register(self, instance: Instance, **definition: Any) -> None:
        """In Consul, at a node address that is no host name."""
        self.proxy.catalog.register(
            {"ID": instance.id, "Name": instance.name, "Address": "127.0.0.1", "Port": instance.port, **definition}
        )

    def withdraw(self, *instances: Instance) -> None:
        """Out of Consul; the processes go on."""
        for instance in instances:
            self.proxy.catalog.deregister(instance.id)

    def write(self, **changes: Any) -> Route:
        """The next revision of the route, not waited for."""
        self.route = dataclasses.replace(self.route, revision=self.route.revision + 1, **changes)
        self.proxy.write(self.route)
        return self.route

    def reconfigure(self, timeout: float = 40, **changes: Any) -> Route:
        """The next revision, in effect."""
        self.write(**changes)
        self.proxy.wait_for_revision(self.route, timeout)
        return self.route

    def flip(self, color: str) -> Route:
        """Give users this colour; it is in effect when this returns."""
        return self.reconfigure(split=Split(color))

    def take_away(self) -> Tombstone:
        """Remove the route as the modules do, not waited for."""
        stone = Tombstone(self.name, self.route.revision + 1, self.route.epoch)
        self.route = dataclasses.replace(self.route, revision=stone.revision)
        self.proxy.store.put(self.key, stone.to_json())
        return stone

    def up(self, color: str, number: int, timeout: float = 40) -> None:
        """Wait until so many instances of a colour get requests."""
        self.proxy.wait_until_up(self.name, color, number, timeout)

    def get(self, path: str = "", method: str = "GET", **headers: str) -> tuple[int, str, str]:
        """Ask the front door."""
        return self.proxy.get(self.path + path, method, **headers)

    def remove(self) -> None:
        """Leave nothing."""
        self.take_away()
        for instance in self.instances:
            instance.signal(signal.SIGCONT)
            instance.kill()
            self.withdraw(instance)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
