# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's containers in memory, as the SDK's low-level client shows them to the registrator: list, inspect, events."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import docker.errors
import requests

from .scripted_time import ScriptedTime

Document = dict[str, Any]
# Docker remembers this many events, of all kinds.
_REMEMBERED = 256


class FakeDocker:
    """One engine; C(client) stands in for C(docker.APIClient).

    C(base) is an inspected container, of which each new one is a copy. C(down) makes every call fail as without a
    daemon; open streams break. C(vanishing) are listed and gone when they are inspected. C(frozen) holds back what the
    list shows, which lags behind events. C(asked) are the events' queries, C(clients) how often a connection was made.
    """

    def __init__(self, time: ScriptedTime, base: Document) -> None:
        self.time = time
        self.documents: dict[str, Document] = {}
        self.vanishing: set[str] = set()
        self.frozen: list[Document] | None = None
        self.down = False
        self.inspected: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.clients = 0
        self.on_event: list[Callable[[Document], None]] = []
        self.on_start: list[Callable[[], None]] = []
        self._base = base
        self._events: list[Document] = []
        self._published: dict[str, int] = {}

    # -- what a test does ----------------------------------------------------------------------------------------

    def run(self, name: str, *environment: str, **config: Any) -> str:
        """Start a container that publishes one port; its id, as long as a real one. C(config) joins C(Config)."""
        container_id = name.encode().hex().ljust(64, "0")
        document = copy.deepcopy(self._base)
        port = self._published[container_id] = 32768 + len(self._published)
        document |= {"Id": container_id, "Name": f"/{name}"}
        document["Config"] |= {"Env": list(environment or ("SERVICE_NAME=app",)), **config}
        document["NetworkSettings"] = {"Ports": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]}}
        self.documents[container_id] = document
        self.happen("start", container_id)
        return container_id

    def port(self, container_id: str) -> int:
        """Where it is published, or was."""
        return self._published[container_id]

    def change(self, container_id: str, action: str = "", **state: Any) -> None:
        """Change its C(State), with the event that Docker has for it."""
        self.documents[container_id]["State"] |= state
        if action:
            self.happen(action, container_id)

    def kill(self, container_id: str, number: int = 15) -> None:
        """Send it a signal, which it may ignore."""
        self.happen("kill", container_id, signal=str(number))

    def die(self, container_id: str) -> None:
        """It exits."""
        self.change(container_id, "die", Running=False)

    def remove(self, container_id: str) -> None:
        """Remove it by force."""
        self.kill(container_id, 9)
        self.die(container_id)
        del self.documents[container_id]
        self.happen("destroy", container_id)

    def happen(self, action: str, container_id: str, **attributes: str) -> None:
        """An event."""
        actor = {"ID": container_id, "Attributes": attributes}
        nanoseconds = round(self.time.time() * 1e9)
        event = {"Type": "container", "Action": action, "Actor": actor, "timeNano": nanoseconds}
        self._events.append(event)
        if not self.down:
            for hook in list(self.on_event):
                hook(event)

    def stop(self) -> None:
        """The daemon goes away; its containers live on."""
        self.down = True

    def start(self, *, forgetful: bool = False) -> None:
        """The daemon is back; C(forgetful): as a new process, which remembers no event."""
        self.down = False
        if forgetful:
            self._events.clear()
        for hook in list(self.on_start):
            hook()

    # -- the SDK -------------------------------------------------------------------------------------------------

    base_url = "http+docker://localhost"
    api_version = "1.41"
    trust_env = True

    def client(self, **_settings: Any) -> FakeDocker:
        """Made without asking."""
        return self

    def version(self, *, api_version: bool) -> Document:
        """It is asked for before any client is made to stay."""
        assert not api_version
        self._answer()
        self.clients += 1
        return {"ApiVersion": self.api_version}

    def close(self) -> None:
        """Connections are closed."""

    def containers(self) -> list[Document]:
        self._answer()
        return self.rows() if self.frozen is None else self.frozen

    def rows(self) -> list[Document]:
        """The rows of the list as of now: what runs, and what does not any more is not among them."""
        return [
            {
                "Id": key,
                "Names": [document["Name"]],
                "State": _state(document["State"]),
                "Status": "Up 3 seconds" + _health(document["State"]),
                "Ports": [],
            }
            for key, document in self.documents.items()
            if document["State"]["Running"]
        ]

    def inspect_container(self, container_id: str) -> Document:
        self._answer()
        self.inspected.append(container_id)
        if container_id in self.vanishing or container_id not in self.documents:
            raise docker.errors.NotFound("not found", explanation=f"No such container: {container_id}")
        return copy.deepcopy(self.documents[container_id])

    def get(self, url: str, params: dict[str, str], stream: bool, timeout: tuple[float, float]) -> _Stream:
        self._answer()
        assert url == f"{self.base_url}/v{self.api_version}/events"
        self.asked.append(params)
        return _Stream(self, params)

    # -- inside --------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        if self.down:
            raise docker.errors.DockerException("Error while fetching server API version: Connection refused")

    def matching(self, since: float, until: float, actions: set[str]) -> list[Document]:
        """The events that Docker still remembers of that time, of that kind."""
        return [
            event
            for event in self._events[-_REMEMBERED:]
            if since <= event["timeNano"] / 1e9 <= until and event["Action"].partition(":")[0] in actions
        ]


class _Stream:
    """The answer to C(/events): the remembered ones, then as they happen, until its time is over or the link breaks."""

    raw = SimpleNamespace(chunked=True)

    def __init__(self, engine: FakeDocker, params: dict[str, str]) -> None:
        self._engine = engine
        self._since, self._until = float(params["since"]), float(params["until"])
        self._actions = set(json.loads(params["filters"])["event"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The connection is given back."""

    def raise_for_status(self) -> None:
        """It was answered."""

    def iter_lines(self, chunk_size: int | None) -> Iterator[bytes]:
        time, sent = self._engine.time, 0
        while True:
            known = self._engine.matching(self._since, self._until, self._actions)
            for event in known[sent:]:
                yield json.dumps(event).encode()
            sent = len(known)
            if time.time() >= self._until:
                return
            time.step(time.now + max(0.001, self._until - time.time()))
            if self._engine.down:
                raise requests.exceptions.ChunkedEncodingError("Connection broken: IncompleteRead(0 bytes read)")


def _state(state: Document) -> str:
    return "restarting" if state.get("Restarting") else "paused" if state.get("Paused") else "running"


def _health(state: Document) -> str:
    status = (state.get("Health") or {}).get("Status")
    return f" ({'health: starting' if status == 'starting' else status})" if status else ""
