# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Swarm in memory, as the SDK's low-level client shows it: services with a version index, tasks, images."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "swarm"
RUNNING = "running"


def recorded(name: str) -> Any:
    """What Docker 20.10 answered: C(services), C(tasks) (both by what they show) or C(nodes)."""
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


class FakeSwarm:
    """The calls of C(docker.APIClient) that the engine port makes.

    C(outcome) says by service name which of the recorded tasks comes out of a start (running, starting, failed,
    rejected, pending). C(on_change) are called with a service name after its tasks changed, as a registrator would be.
    Configs, secrets and networks in C(used) cannot be removed. C(orphans) are tasks of services that were removed.
    """

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.task_items: dict[str, list[dict[str, Any]]] = {}
        self.outcome: dict[str, str] = {}
        self.stubborn: set[str] = set()
        self.logs: list[str] = []
        self.orphans: list[dict[str, Any]] = []
        self.network_items: list[dict[str, Any]] = []
        self.volume_items: list[dict[str, Any]] = []
        self.config_items: list[dict[str, Any]] = []
        self.secret_items: list[dict[str, Any]] = []
        self.used: set[str] = set()
        self.images: dict[str, dict[str, Any]] = {}
        self.digests: dict[str, str] = {}
        self.node_items: list[dict[str, Any]] = recorded("nodes")
        self.calls: list[str] = []
        self.on_change: list[Callable[[str], None]] = []
        self.before_update: list[Callable[[str], None]] = []
        self.is_manager = True
        self._index = 100
        self._made = 0

    # -- what a test does ----------------------------------------------------------------------------------------

    def deploy(self, name: str, replicas: int, labels: dict[str, str] | None = None, image: str = "app:1") -> None:
        """Create or replace a service, as C(docker stack deploy) would."""
        item = copy.deepcopy(recorded("services")["running"])
        item["ID"] = self.items[name]["ID"] if name in self.items else self._id("service")
        item["Spec"]["Name"] = name
        item["Spec"]["Labels"] = dict(labels or {})
        item["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = image
        item["Spec"]["Mode"]["Replicated"]["Replicas"] = replicas
        self._store(name, item)
        self._converge(name)

    def stop_task(self, name: str, state: str = "failed") -> None:
        """One instance ends by itself and is not replaced yet."""
        task = next(task for task in self.task_items[name] if task["Status"]["State"] == RUNNING)
        self._end(task, state)
        self._notify(name)

    # -- the SDK -------------------------------------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        return {"Swarm": {"ControlAvailable": self.is_manager}}

    def services(self, filters: dict[str, str] | None = None) -> list[dict[str, Any]]:
        return [item for item in self.items.values() if _has(item["Spec"]["Labels"], filters)]

    def networks(self, names: list[str] | None = None, filters: dict[str, str] | None = None) -> list[dict[str, Any]]:
        named = [item for item in self.network_items if names is None or item["Name"] in names]
        return [item for item in named if filters is None or _has(item["Labels"], filters)]

    def volumes(self, filters: dict[str, str]) -> dict[str, Any]:
        return {"Volumes": [item for item in self.volume_items if _has(item["Labels"], filters)] or None}

    def configs(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        return [item for item in self.config_items if _has(item["Spec"]["Labels"], filters)]

    def secrets(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        return [item for item in self.secret_items if _has(item["Spec"]["Labels"], filters)]

    def remove_network(self, identity: str) -> None:
        self._remove_object(self.network_items, "Id", identity)

    def remove_config(self, identity: str) -> None:
        self._remove_object(self.config_items, "ID", identity)

    def remove_secret(self, identity: str) -> None:
        self._remove_object(self.secret_items, "ID", identity)

    def inspect_service(self, name: str) -> dict[str, Any]:
        if name not in self.items:
            raise docker.errors.NotFound("not found", explanation=f"service {name} not found")
        return copy.deepcopy(self.items[name])

    def nodes(self) -> list[dict[str, Any]]:
        return copy.deepcopy(self.node_items)

    def tasks(self, filters: dict[str, str] | None = None) -> list[dict[str, Any]]:
        if filters is None:
            return copy.deepcopy([task for tasks in (*self.task_items.values(), self.orphans) for task in tasks])
        if filters["service"] not in self.items:
            raise docker.errors.NotFound("not found", explanation=f"service {filters['service']} not found")
        return copy.deepcopy(self.task_items[filters["service"]])

    def _url(self, template: str, *parts: str) -> str:
        return template.format(*parts)

    def _post_json(self, url: str, data: dict[str, Any], params: dict[str, int]) -> Any:
        name = next(name for name, item in self.items.items() if f"/{item['ID']}/" in url)
        for hook in list(self.before_update):
            hook(name)
        if params["version"] != self.items[name]["Version"]["Index"]:
            return SimpleNamespace(problem="rpc error: code = Unknown desc = update out of sequence")
        item = copy.deepcopy(self.items[name])
        item["Spec"] = copy.deepcopy(data)
        self._store(name, item)
        self.calls.append(f"update {name}")
        self._converge(name)
        return SimpleNamespace(problem=None)

    def _raise_for_status(self, answer: Any) -> None:
        if answer.problem:
            raise docker.errors.APIError(answer.problem, explanation=answer.problem)

    def get(self, url: str, params: dict[str, Any], timeout: float) -> Any:
        frames = b"".join(b"\x01\0\0\0" + len(line).to_bytes(4, "big") + line for line in map(_line, self.logs))
        return SimpleNamespace(content=frames, raise_for_status=lambda: None)

    def remove_service(self, service_id: str) -> None:
        name = next((name for name, item in self.items.items() if item["ID"] == service_id), None)
        if name is None:
            raise docker.errors.NotFound("not found", explanation=f"service {service_id} not found")
        del self.items[name]
        self.orphans += self.task_items.pop(name)
        self.calls.append(f"remove {name}")
        self._notify(name)

    def inspect_image(self, reference: str) -> dict[str, Any]:
        if reference not in self.images:
            raise docker.errors.ImageNotFound("not found", explanation=f"No such image: {reference}")
        return self.images[reference]

    def inspect_distribution(self, reference: str) -> dict[str, Any]:
        if reference not in self.digests:
            raise docker.errors.NotFound("404", explanation="manifest unknown")
        return {"Descriptor": {"digest": self.digests[reference]}}

    def _remove_object(self, items: list[dict[str, Any]], key: str, identity: str) -> None:
        if identity in self.used:
            raise docker.errors.APIError("in use", explanation=f"{identity} is in use")
        items[:] = [item for item in items if item[key] != identity]

    # -- inside --------------------------------------------------------------------------------------------------

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made:04d}"

    def _store(self, name: str, item: dict[str, Any]) -> None:
        self._index += 1
        item["Version"] = {"Index": self._index}
        self.items[name] = item
        self.task_items.setdefault(name, [])

    def _converge(self, name: str) -> None:
        wanted = self.items[name]["Spec"]["Mode"]["Replicated"]["Replicas"]
        tasks = self.task_items[name]
        alive = [task for task in tasks if task["DesiredState"] == RUNNING and task["Status"]["State"] == RUNNING]
        for task in alive[wanted:]:
            task["DesiredState"] = "shutdown"
            if name not in self.stubborn:
                self._end(task, "shutdown")
        if wanted == 0:
            for task in tasks:
                task["DesiredState"] = "shutdown"
                if name not in self.stubborn:
                    self._end(task, "shutdown")
        for slot in range(len(alive), wanted):
            task = copy.deepcopy(recorded("tasks")[self.outcome.get(name, RUNNING)])
            task |= {"ID": self._id("task"), "ServiceID": self.items[name]["ID"], "Slot": slot + 1}
            task["CreatedAt"] = f"2026-11-21T12:00:00.{self._made:06d}Z"
            for port in (task["Status"].get("PortStatus") or {}).get("Ports") or []:
                port["PublishedPort"] += self._made
            tasks.append(task)
        self._notify(name)

    def _end(self, task: dict[str, Any], state: str) -> None:
        if task["Status"]["State"] not in ("failed", "rejected", "shutdown"):
            task["Status"]["State"] = state
        task["DesiredState"] = "shutdown"

    def _notify(self, name: str) -> None:
        for hook in list(self.on_change):
            hook(name)


def _has(labels: dict[str, str], filters: dict[str, str] | None) -> bool:
    if filters is None:
        return True
    name, equals, value = filters["label"].partition("=")
    return name in labels and (not equals or labels[name] == value)


def _line(text: str) -> bytes:
    return f"{text}\n".encode()
