# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What really runs, asked of Docker itself and not through the collection under test."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import docker

from .processes import state_of


@dataclass(frozen=True, slots=True)
class Service:
    """A Swarm service of a project."""

    name: str  # without the project, for example app-blue
    replicas: int
    image: str
    labels: dict[str, str]
    environment: dict[str, str]
    version: int  # Swarm's index, which every update raises


@dataclass(frozen=True, slots=True)
class Instance:
    """A running container of a service."""

    container: str
    task: str
    pid: int
    started: str  # as Docker writes it; the same text means that it was not restarted
    ports: tuple[int, ...]  # published on the node


class Swarm:
    """The Swarm that this machine's Docker is a manager of."""

    def __init__(self) -> None:
        self.client = docker.from_env(timeout=30)

    def services(self, project: str) -> dict[str, Service]:
        found = self.client.api.services(filters={"label": f"com.docker.stack.namespace={project}"})
        services = [_service(item, project) for item in found]
        return {service.name: service for service in services}

    def instances(self, project: str, service: str) -> list[Instance]:
        """The running containers, oldest first."""
        label = f"com.docker.swarm.service.name={project}_{service}"
        found = self.client.containers.list(filters={"label": label, "status": "running"})
        instances = [_instance(container.attrs) for container in found]
        return sorted(instances, key=lambda instance: instance.started)

    def counts(self, project: str) -> dict[str, int]:
        """Running containers per service, services with none included."""
        return {name: len(self.instances(project, name)) for name in self.services(project)}

    def running_tasks(self, project: str, service: str) -> int:
        """How many tasks Swarm calls running; with a health check, that means healthy."""
        found = self.client.api.tasks(filters={"service": f"{project}_{service}", "desired-state": "running"})
        return sum(task["Status"]["State"] == "running" for task in found)

    def process_of(self, container: str) -> int:
        """The process id, on this machine, of a container's main process."""
        return int(self.client.containers.get(container).attrs["State"]["Pid"])

    def image_of(self, container: str) -> str:
        return str(self.client.containers.get(container).attrs["Config"]["Image"])

    def kill(self, instance: Instance) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self.client.api.kill(instance.container, "SIGKILL")

    def stop_container(self, name: str) -> None:
        self.client.containers.get(name).stop(timeout=10)

    def kill_process(self, name: str) -> None:
        """SIGKILL to a container's main process: Docker sees a crash, not an operator's wish, and restarts it.

        Returns when it and with it every process of the container is gone: until then its children still answer.
        """
        process = self.process_of(name)
        assert process > 1, f"{name} does not run"
        os.kill(process, signal.SIGKILL)
        eventually(lambda: state_of(process) in "ZX", f"process {process} of {name} is over")

    def leftovers(self, project: str) -> list[str]:
        """Everything of a project that Docker still knows: services, containers, networks, configs and secrets."""
        mine = {"label": f"com.docker.stack.namespace={project}"}
        found = [f"service {item['Spec']['Name']}" for item in self.client.api.services(filters=mine)]
        found += [f"container {item['Names'][0]}" for item in self.client.api.containers(all=True, filters=mine)]
        found += [f"network {item['Name']}" for item in self.client.api.networks(filters=mine)]
        found += [f"config {item['Spec']['Name']}" for item in self.client.api.configs(filters=mine)]
        return found + [f"secret {item['Spec']['Name']}" for item in self.client.api.secrets(filters=mine)]

    def remove(self, project: str) -> None:
        """Take the stack down; its containers are killed, because nobody needs their grace period."""
        for name in self.services(project):
            self.client.api.remove_service(f"{project}_{name}")
        mine = {"label": f"com.docker.stack.namespace={project}"}

        def gone() -> bool:
            for item in self.client.api.containers(all=True, filters=mine):
                subprocess.run(["docker", "rm", "--force", item["Id"]], capture_output=True, timeout=30, check=False)
            if not self.client.api.containers(all=True, filters=mine):
                subprocess.run(["docker", "stack", "rm", project], capture_output=True, timeout=30, check=False)
            return not self.leftovers(project)

        eventually(gone, f"stack {project} is gone")
        for volume in self.client.api.volumes(filters=mine)["Volumes"] or []:
            self.client.api.remove_volume(volume["Name"], force=True)


def eventually(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
    """Wait until C(condition()) is true and return its value; AssertionError naming C(what) when it never is."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:.0f} s: {what}")
        time.sleep(0.05)
    return value


def _service(item: dict[str, Any], project: str) -> Service:
    spec = item["Spec"]
    container = spec["TaskTemplate"]["ContainerSpec"]
    return Service(
        name=spec["Name"].removeprefix(f"{project}_"),
        replicas=spec["Mode"].get("Replicated", {}).get("Replicas", 1),
        image=container["Image"],
        labels=spec.get("Labels") or {},
        environment=dict(pair.partition("=")[::2] for pair in container.get("Env") or []),
        version=item["Version"]["Index"],
    )


def _instance(attributes: dict[str, Any]) -> Instance:
    ports = attributes["NetworkSettings"]["Ports"] or {}
    published = {int(binding["HostPort"]) for bindings in ports.values() for binding in bindings or []}
    return Instance(
        container=attributes["Id"],
        task=attributes["Config"]["Labels"]["com.docker.swarm.task.id"],
        pid=attributes["State"]["Pid"],
        started=attributes["State"]["StartedAt"],
        ports=tuple(sorted(published)),
    )
