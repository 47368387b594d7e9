# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine in memory, as its port shows it: services behind a fence, tasks that come and go, images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import EngineError, OutOfDateError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import (
    Deployment,
    ImageState,
    Remains,
    ServiceState,
    TaskState,
    Translation,
    UpdateState,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_state import task_state
from ansible_collections.dockerflow.delivery.tests.unit.fakes.swarm import recorded

RUNNING = "running"
_NODES = {node["ID"]: node for node in recorded("nodes")}


def task(kind: str, name: str = "t1", **changes: Any) -> TaskState:
    """A task as Docker 20.10 showed it (running, starting, failed, rejected, pending, complete), under another id."""
    return replace(task_state(recorded("tasks")[kind], _NODES), id=name, **changes)


def service(name: str = "books-ms_app-blue", replicas: int = 1, spec: str = "", **about: Any) -> ServiceState:
    """A service at some moment."""
    return ServiceState(id="service0001", name=name, version=100, replicas=replicas, image="app:1", spec=spec, **about)


class FakeEngine:
    """Implements the port C(Engine).

    C(outcome) says by service name which kind of task comes out of a start. Services in C(stubborn) do not end what
    shall end, those in C(jobs) are not started again when they ended; on nodes in C(lost) nothing ends either, as the
    engine sees it. C(on_change) are called with a service name after its tasks changed, as a registrator would be,
    C(before_update) before a change is applied. C(updates) says by service name how an update in place ends. C(left) is
    what a project has beside services. C(failing) makes the next deploy end with that error, after the services are
    there.
    """

    def __init__(self) -> None:
        self.services: dict[str, ServiceState] = {}
        self.task_list: dict[str, list[TaskState]] = {}
        self.projects: dict[str, tuple[str, str]] = {}
        self.outcome: dict[str, str] = {}
        self.stubborn: set[str] = set()
        self.jobs: set[str] = set()
        self.lost: set[str] = set()
        self.logs: list[str] = []
        self.images: dict[str, ImageState] = {}
        self.digests: dict[str, str] = {}
        self.registry_problem: EngineError | None = None
        self.updates: dict[str, UpdateState] = {}
        self.left: dict[str, Remains] = {}
        self.leaving: dict[str, list[TaskState]] = {}
        self.failing: EngineError | None = None
        self.calls: list[str] = []
        self.on_change: list[Callable[[str], None]] = []
        self.before_update: list[Callable[[str], None]] = []
        self._version = 100
        self._made = 0

    # -- what a test does ----------------------------------------------------------------------------------------

    def put(self, name: str, replicas: int, *, image: str = "app:1", **about: Any) -> None:
        """Create or replace a service, as somebody else's deploy would; C(about) are further fields of its state."""
        known = self.services.get(name)
        state = ServiceState(
            id=known.id if known is not None else self._id("service"),
            name=name,
            version=0,
            replicas=replicas,
            image=image,
            definition={"image": image},
            **about,
        )
        self._store(state)
        self._converge(name)

    def touch(self, name: str, **changes: Any) -> None:
        """Change a service behind everybody's back."""
        self._store(replace(self.services[name], **changes))

    def end(self, name: str) -> None:
        """What was asked to end has ended, however long it refused."""
        self.stubborn.discard(name)
        self.task_list[name] = [self._ended(one, "shutdown") if one.leaving else one for one in self.task_list[name]]
        self._notify(name)

    def lose(self, node: str) -> None:
        """The node is cut off, and the engine has noticed."""
        self.lost.add(node)
        for name, tasks in self.task_list.items():
            self.task_list[name] = [
                replace(one, running=False, leaving=True, lost=True) if one.node_id == node and not one.ended else one
                for one in tasks
            ]
            self._notify(name)

    def stop_task(self, name: str) -> None:
        """One instance ends by itself and is not replaced yet."""
        tasks = self.task_list[name]
        index = next(index for index, one in enumerate(tasks) if one.running)
        tasks[index] = self._ended(tasks[index], "failed")
        self._notify(name)

    # -- reading -------------------------------------------------------------------------------------------------

    def service_name(self, project: str, target: str, color: str | None = None) -> str:
        return f"{project}_{target}-{color}" if color else f"{project}_{target}"

    def colored_targets(self) -> set[tuple[str, str]]:
        found = (name.rpartition("-") for name in self.services)
        colored = (rest.partition("_") for rest, _dash, color in found if color in ("blue", "green"))
        return {(project, target) for project, _line, target in colored}

    def released_targets(self) -> set[tuple[str, str]]:
        in_place = {name.partition("_") for name, state in self.services.items() if state.spec and "-" not in name}
        return self.colored_targets() | {(project, target) for project, _line, target in in_place}

    def project_services(self, project: str) -> list[ServiceState]:
        ours = (state for name, state in self.services.items() if name.startswith(f"{project}_"))
        return sorted(
            (one for one in ours if one.name not in self.remains(project).strangers), key=lambda state: state.name
        )

    def remains(self, project: str) -> Remains:
        return self.left.get(project, Remains())

    def service(self, name: str) -> ServiceState | None:
        return self.services.get(name)

    def tasks(self, service: ServiceState) -> list[TaskState]:
        if service.name not in self.services:
            raise EngineError(f"Docker at 'fake' answered: service {service.name} not found")
        return sorted(self.task_list[service.name], key=lambda one: one.created, reverse=True)

    def not_ended(self, service: ServiceState) -> list[TaskState]:
        return [one for one in self.leaving.get(service.name, []) if not one.ended]

    def running(self, service: ServiceState | None) -> list[TaskState]:
        return [] if service is None else [one for one in self.tasks(service) if one.running]

    def task_log(self, task_id: str, lines: int = 10) -> list[str]:
        return self.logs[-lines:]

    def leaving_first(self, tasks: Sequence[TaskState], count: int) -> list[TaskState]:
        return sorted(tasks, key=lambda one: one.slot, reverse=True)[:count]

    def image(self, reference: str) -> ImageState | None:
        return self.images.get(reference)

    def registry_digest(self, reference: str) -> str | None:
        if self.registry_problem is not None:
            raise self.registry_problem
        return self.digests.get(reference)

    def translate(self, deployment: Deployment) -> Translation:
        service = deployment.project.service(deployment.target)
        for name in deployment.side_targets:
            deployment.project.service(name, "side_targets")
        return Translation((service.get("deploy") or {}).get("replicas", 1), deployment.project.warnings)

    def spec_of(self, deployment: Deployment) -> str:
        service = deployment.project.service(deployment.target)
        image = deployment.images.get(service["image"], service["image"])
        said = repr((sorted(service), image, deployment.image_id, deployment.target_port, deployment.color is None))
        return hashlib.sha256(said.encode()).hexdigest()

    # -- changing ------------------------------------------------------------------------------------------------

    def deploy(self, deployment: Deployment, timeout: float, *, with_registry_auth: bool = False) -> None:
        project = deployment.project
        for name in deployment.side_targets if deployment.only is None else deployment.only:
            definition = project.service(name)
            kept = deployment.kept.get(name)
            image = deployment.images.get(definition["image"], definition["image"])
            job = self.services.get(self.service_name(project.name, name))
            if job is not None and job.name in self.jobs and job.image == image:
                continue
            self.put(
                self.service_name(project.name, name),
                kept.replicas if kept is not None and kept.replicas is not None else _replicas(definition),
                image=(kept.image if kept is not None else None) or image,
            )
        if deployment.only is not None:
            self.calls.append(f"deploy {', '.join(deployment.only)}")
            return
        service = project.service(deployment.target)
        name = self.service_name(project.name, deployment.target, deployment.color)
        self.put(
            name,
            deployment.instances if deployment.instances is not None else _replicas(service),
            image=deployment.images.get(service["image"], service["image"]),
            service=deployment.service,
            spec=deployment.spec,
            image_id=deployment.image_id,
            run=deployment.run,
            update=self.updates.get(name),
        )
        self.calls.append("deploy")
        if self.failing is not None:
            raise self.failing

    def scale(self, service: ServiceState, replicas: int) -> ServiceState:
        return self._change(service, replicas=replicas)

    def restart(self, service: ServiceState) -> ServiceState:
        ended = [one for one in self.task_list[service.name] if one.ended]
        self.task_list[service.name] = []
        changed = self._change(service, definition={**(service.definition or {}), "again": len(ended)})
        self.task_list[service.name][:0] = ended
        self.calls.append(f"restart {service.name}")
        return changed

    def mark(self, service: ServiceState, run: str) -> ServiceState:
        return self._change(service, run=run)

    def remove(self, service: ServiceState) -> None:
        if self.services.pop(service.name, None) is not None:
            tasks = self.task_list.pop(service.name)
            stays = service.name in self.stubborn
            self.leaving[service.name] = [
                replace(one, running=False, leaving=True) if stays else self._ended(one, "shutdown") for one in tasks
            ]
            self.calls.append(f"remove {service.name}")
            self._notify(service.name)

    def remove_remains(self, project: str, remains: Remains) -> Remains:
        self.calls.append(f"remove {', '.join([*remains.objects, *remains.networks])}")
        found = self.remains(project)
        self.left[project] = replace(
            found,
            objects=tuple(name for name in found.objects if name not in remains.objects),
            networks=tuple(name for name in found.networks if name not in remains.networks),
        )
        return Remains()

    def remove_unused(self, project: str, names: frozenset[str]) -> None:
        self.calls.append(f"remove unused {', '.join(sorted(names))}" if names else "remove unused")

    # -- inside --------------------------------------------------------------------------------------------------

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made:04d}"

    def _store(self, state: ServiceState) -> None:
        self._version += 1
        self.services[state.name] = replace(state, version=self._version)
        self.task_list.setdefault(state.name, [])

    def _change(self, service: ServiceState, **changes: Any) -> ServiceState:
        if replace(service, **changes) == service:
            return service
        for hook in list(self.before_update):
            hook(service.name)
        known = self.services.get(service.name)
        if known is None or known.version != service.version:
            raise OutOfDateError(
                f"service '{service.name}' was changed by somebody else meanwhile, nothing was done: run it again"
            )
        self._store(replace(known, **changes))
        self.calls.append(f"update {service.name}")
        self._converge(service.name)
        return self.services[service.name]

    def _converge(self, name: str) -> None:
        wanted = self.services[name].replicas
        tasks = self.task_list[name]
        alive = [one.id for one in tasks if one.running]
        ends = set(alive[wanted:]) if wanted else {one.id for one in tasks if not one.ended}
        for index, one in enumerate(tasks):
            if one.id in ends:
                lost = one.node_id in self.lost
                stays = name in self.stubborn or lost
                gone = replace(one, running=False, leaving=True, lost=lost)
                tasks[index] = gone if stays else self._ended(one, "shutdown")
        for slot in range(len(alive), wanted):
            fresh = task(self.outcome.get(name, RUNNING), self._id("task"), slot=slot + 1)
            created = f"2026-11-21T12:00:00.{self._made:06d}Z"
            tasks.append(replace(fresh, created=created, ports=frozenset(port + self._made for port in fresh.ports)))
        self._notify(name)

    def _ended(self, one: TaskState, state: str) -> TaskState:
        return replace(one, state=state, running=False, leaving=False, ended=True, failed=state == "failed")

    def _notify(self, name: str) -> None:
        for hook in list(self.on_change):
            hook(name)


def _replicas(service: Mapping[str, Any]) -> int:
    return int((service.get("deploy") or {}).get("replicas", service.get("scale", 1)))
