# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project of its own for each story: the sample project under another name, at a host name of its own.

books = Project(world, "rollback", folder)      # books.service is rollback-app, books.domain rollback.example
result = books.deploy("1")                      # deploy.yml with its default stages
result = books.deploy("2", flow="deploy", scale="+1")
with books.load() as load: …                    # POST and GET on /version, which asks no data store
assert books.get("/version").version == "2"
books.remove()                                  # stack, Consul keys, and so the proxies' routes
"""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ..load.running import Load
from .consul import Consul
from .haproxy import Haproxy
from .playbook import ROOT, Playbook, PlaybookResult, RunningPlaybook
from .swarm import Instance, Swarm, eventually

SAMPLE = ROOT / "examples" / "books-ms"


@dataclass(frozen=True, slots=True)
class World:
    """What is provisioned once for all stories.

    C(agent), C(registrator) and C(consul_container) are names of containers, C(front) is the proxy's address, for
    example http://127.0.0.1.
    """

    swarm: Swarm
    consul: Consul
    haproxy: Haproxy
    agent: str
    registrator: str
    consul_container: str
    front: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer through the front door."""

    status: int
    version: str | None
    instance: str | None
    body: str


class Project:
    """A copy of the sample project. C(lean) leaves the data store away, for stories without books."""

    def __init__(self, world: World, name: str, folder: Path, *, lean: bool = False) -> None:
        self.world = world
        self.name = name
        self.service = f"{name}-app"
        self.domain = f"{name}.example"
        self.folder = folder / name
        shutil.copytree(SAMPLE, self.folder)
        compose = self.folder / "docker-compose.yml"
        document = yaml.safe_load(compose.read_text(encoding="utf-8"))
        document["name"] = name
        settings: dict[str, Any] = {
            "target": "app",
            "side_targets": ["db"],
            "service_path": ["/api/v1/books", "/version", "/health"],
            "service_domain": [self.domain],
        }
        if lean:
            del document["services"]["db"], document["services"]["app"]["depends_on"], document["volumes"]
            del settings["side_targets"]
            settings["check_path"] = "/version"  # without a data store, asking for books is an error
        self.write_compose(document)
        self.write_settings(settings)

    # -- the project's files ------------------------------------------------------------------------------------

    def compose(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load((self.folder / "docker-compose.yml").read_text(encoding="utf-8"))
        return document

    def write_compose(self, document: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(document), sort_keys=False)
        (self.folder / "docker-compose.yml").write_text(text, encoding="utf-8")

    def settings(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load((self.folder / "docker-flow.yml").read_text(encoding="utf-8"))
        return document

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(settings), sort_keys=False)
        (self.folder / "docker-flow.yml").write_text(text, encoding="utf-8")

    # -- what people do -----------------------------------------------------------------------------------------

    def command(
        self,
        playbook: str,
        version: str = "1",
        *,
        check: bool = False,
        diff: bool = False,
        options: tuple[str, ...] = (),
        **extra: Any,
    ) -> Playbook:
        """A playbook for this project; C(extra) are extra vars, C(options) the command's own.

        Locks of killed runs expire as soon as Consul can.
        """
        fixed = {"project_src": str(self.folder), "lock_ttl": 10, "consul_prefix": self.world.consul.prefix}
        extra = fixed | extra
        return Playbook(playbook, extra, {"BOOKS_MS_VERSION": version}, check=check, diff=diff, options=options)

    def deploy(self, version: str, *, check: bool = False, diff: bool = False, **extra: Any) -> PlaybookResult:
        """Run deploy.yml to its end, whatever that is."""
        return self.command("deploy.yml", version, check=check, diff=diff, **extra).run()

    def release(self, version: str, **extra: Any) -> PlaybookResult:
        """Run deploy.yml; a failure is a failure of the test."""
        result = self.deploy(version, **extra)
        assert result.succeeded, str(result)
        return result

    def start(self, version: str, **extra: Any) -> RunningPlaybook:
        return self.command("deploy.yml", version, **extra).start()

    def run(self, playbook: str, version: str = "1", **extra: Any) -> PlaybookResult:
        """Run one of the other playbooks, for example playbooks/scale.yml."""
        return self.command(playbook, version, **extra).run()

    # -- what users do ------------------------------------------------------------------------------------------

    def get(
        self,
        path: str = "/version",
        method: str = "GET",
        body: str | None = None,
        timeout: float = 10,
        front: str | None = None,
    ) -> Answer:
        """One request on a connection of its own. C(front): at another proxy than the world's."""
        door = urlsplit(front or self.world.front)
        connection = http.client.HTTPConnection(door.hostname or "", door.port or 80, timeout=timeout)
        try:
            connection.request(method, path, body, {"Host": self.domain})
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, response.getheader("X-Version"), response.getheader("X-Instance"), text)
        finally:
            connection.close()

    def load(self, rate: float = 300, front: str | None = None, **options: Any) -> Load:
        """Half POSTs on kept-alive connections, half GETs with a connection each."""
        out = self.folder.parent / f"{self.name}-load-{len(list(self.folder.parent.iterdir()))}"
        return Load(f"{front or self.world.front}/version", out=out, rate=rate, host=self.domain, **options)

    # -- what is there ------------------------------------------------------------------------------------------

    @property
    def live(self) -> str | None:
        return self.world.consul.live(self.service)

    def counts(self) -> dict[str, int]:
        """Running containers per service, for example {'app-blue': 2, 'app-green': 0, 'db': 1}."""
        return self.world.swarm.counts(self.name)

    def instances(self, color: str) -> list[Instance]:
        return self.world.swarm.instances(self.name, f"app-{color}")

    def remove(self) -> None:
        """Every trace, as fast as possible; the proxies follow by themselves."""
        consul = self.world.consul
        said = [proxy["services"].get(self.service, {}) for proxy in consul.proxies().values()]
        revision = max((one.get("revision", 0) for one in said), default=0)
        tombstone = {"schema": 1, "service": self.service, "removed": True, "revision": revision + 1, "epoch": 0}
        consul.put(f"routes/{self.service}", tombstone)
        for key in (f"releases/{self.service}", f"locks/{self.service}"):
            consul.delete(key)
        self.world.swarm.remove(self.name)
        eventually(
            lambda: all(self.service not in proxy["services"] for proxy in consul.proxies().values()),
            f"the proxies forget {self.service}",
        )
        consul.delete(f"routes/{self.service}")
