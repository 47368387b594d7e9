# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of three proxies on this machine, made by role proxy: containers, ports, directories of their own.

They stand beside the proxy that provisioning makes, and no other story notices them: a fleet is what is a member under
one prefix in Consul, and theirs is another one. Docker, Swarm, Consul and the registrator are those of the machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .consul import Consul
from .haproxy import Haproxy
from .playbook import ROOT, Playbook
from .project import World
from .swarm import eventually

PREFIX = "docker-flow-three/"
IMAGE = os.environ.get("PROXY_IMAGE", "dockerflow/proxy:1")  # another one, to see a story fail
STATE = "/var/lib/docker-flow-proxy"  # where the role shows both containers the proxy's state
PLAY = [{"hosts": "three", "become": True, "gather_facts": False, "roles": ["dockerflow.delivery.proxy"]}]


@dataclass(frozen=True, slots=True)
class MemberProxy:
    """One of them. C(front) is where its users come in."""

    id: str
    port: int

    @property
    def front(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def haproxy(self) -> Haproxy:
        return Haproxy(self.id, STATE)

    @property
    def disk(self) -> str:
        """The volume that holds its state, and the container that keeps the volume mounted."""
        return f"{self.id}-disk"

    def make_disk(self) -> str:
        """A disk of its own for its state, so small that a story can fill it; returns where it is on this machine."""
        options = ("--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=16m")
        docker("volume", "create", "--label=dockerflow.test=three", *options, self.disk)
        keeper = ("run", "--detach", "--network=none", f"--name={self.disk}", f"--volume={self.disk}:{STATE}")
        docker(*keeper, "--entrypoint=sleep", IMAGE, "infinity")
        return docker("volume", "inspect", "--format={{.Mountpoint}}", self.disk)

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Not a byte is left for it, until the block ends."""
        filler = f"{STATE}/filler"
        # dd ends with an error, because that is what a full disk is.
        docker("exec", self.disk, "sh", "-c", f"dd if=/dev/zero of={filler} bs=4k 2>/dev/null || true")
        try:
            yield
        finally:
            docker("exec", self.disk, "rm", filler)

    @contextlib.contextmanager
    def switched_off(self) -> Iterator[None]:
        """Neither HAProxy nor the agent runs, until the block ends."""
        for container in (f"{self.id}-agent", self.id):
            docker("stop", "--time=10", container)
        try:
            yield
        finally:
            for container in (self.id, f"{self.id}-agent"):
                docker("start", container)

    def variables(self, folder: Path, disk: str) -> dict[str, Any]:
        """What the role needs to know."""
        return {
            "proxy_id": self.id,
            "proxy_image": IMAGE,
            "proxy_container": self.id,
            "proxy_http_port": self.port,
            "proxy_observe": f"127.0.0.1:{self.port + 10}",
            "proxy_config_directory": str(folder / self.id),
            "proxy_data_directory": disk,
        }

    def remove(self) -> None:
        """Leave nothing in Docker."""
        containers = [self.id, f"{self.id}-agent", self.disk]
        subprocess.run(["docker", "rm", "--force", *containers], capture_output=True, timeout=60, check=False)
        docker("volume", "rm", "--force", self.disk)


MEMBERS = tuple(MemberProxy(f"three-{number}", 18800 + number) for number in (1, 2, 3))


class ThreeProxies:
    """The fleet. C(world) is the machine as a project of this fleet sees it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.members = MEMBERS
        first = MEMBERS[0]
        consul = Consul(world.consul.address, PREFIX)
        self.world = dataclasses.replace(
            world, consul=consul, haproxy=first.haproxy, agent=f"{first.id}-agent", front=first.front
        )
        self._folder = folder

    def start(self) -> None:
        """Run role proxy for the three together; they are members of their fleet when this returns."""
        self.remove()  # what an earlier session that was killed has left
        hosts = {member.id: member.variables(self._folder, member.make_disk()) for member in self.members}
        shared = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "node_address": "{{ hostvars.local.node_address }}",
            "consul_prefix": PREFIX,
        }
        inventory, playbook = self._folder / "inventory.yml", self._folder / "three.yml"
        inventory.write_text(json.dumps({"three": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
        playbook.write_text(json.dumps(PLAY), encoding="utf-8")
        both = (f"--inventory={ROOT}/inventory/local.yml", f"--inventory={inventory}")
        result = Playbook(str(playbook), options=both).run()
        assert result.succeeded, str(result)

    def remove(self) -> None:
        """Leave nothing, neither in Docker nor in Consul."""
        for member in self.members:
            member.remove()
        for key in self.world.consul.keys(""):
            self.world.consul.delete(key)

    def report(self, member: MemberProxy, service: str) -> dict[str, Any]:
        """What a proxy says of a service; {} while it says nothing."""
        said = self.world.consul.proxies().get(member.id, {})
        return dict(said.get("services", {}).get(service, {}))

    def wait_until_well(self, member: MemberProxy, service: str) -> None:
        """Until a repaired proxy has nothing to complain about any more."""
        eventually(lambda: self.report(member, service).get("error", "") is None, f"{member.id} is well again", 60)


def docker(*arguments: str) -> str:
    """Run the client; its output. An error is an AssertionError with what it said."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()
