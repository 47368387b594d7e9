# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Docker Swarm as the engine: read through the SDK, changed with the version index as the fence."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from ..core.errors import EngineError, OutOfDateError
from ..core.labels import COLOR_LABEL, IMAGE_LABEL, PROJECT_LABEL, RUN_LABEL, SPEC_LABEL, STACK_LABEL, TARGET_LABEL
from ..ports.engine import Deployment, ImageState, Remains, ServiceState, TaskState, Translation
from ..stack.dialect import client_dialect
from ..stack.document import StackDocument, stack_document
from ..stack.mentions import NOBODY, Neighbours
from ..stack.naming import swarm_service_name
from ..stack.placement import check_data
from ..stack.releasable import check_networks, external_networks
from ..stack.spec_hash import spec_hash
from ..stack.warnings import Warnings
from .stack_deploy import stack_deploy
from .stack_remains import find_remains, remove_found, remove_unused, targets_with
from .surroundings import neighbours, nodes, whereabouts
from .swarm_state import leaving_first, log_lines, service_state, task_state

try:
    import docker
    import requests
    from docker.errors import APIError, DockerException, NotFound
except ImportError as error:  # The module that imports this file reports it; the sanity tests import without it.
    DOCKER_IMPORT_ERROR: ImportError | None = error
else:
    DOCKER_IMPORT_ERROR = None

# What registries say of an image that they do not have; a login that is missing is another matter.
_NO_SUCH_IMAGE = ("manifest unknown", "name unknown", "not found", "repository does not exist")
# What Swarm says when the version index of an update is not the service's current one.
_OUT_OF_SEQUENCE = "out of sequence"


class SwarmEngine:
    """One Docker Engine that is a Swarm manager. C(timeout) bounds each call, in seconds."""

    def __init__(self, docker_host: str = "unix:///var/run/docker.sock", timeout: int = 30) -> None:
        self.docker_host = docker_host
        self._dialect: tuple[int, int] | None = None
        try:
            self._api: Any = docker.APIClient(base_url=docker_host, timeout=timeout, version="auto")
            swarm = self._api.info()["Swarm"]
        except (DockerException, requests.RequestException) as error:
            raise EngineError(
                f"docker_host '{docker_host}' does not answer ({_reason(error)}): start Docker there, or name the "
                f"socket of a Swarm manager"
            ) from error
        if not swarm.get("ControlAvailable"):
            raise EngineError(
                f"docker_host '{docker_host}' is no Swarm manager: run the release on a manager, or provision the "
                f"Swarm first"
            )

    # -- reading ------------------------------------------------------------------------------------------------

    def service_name(self, project: str, target: str, color: str | None = None) -> str:
        """The service of a colour, or the target's one without colours."""
        return swarm_service_name(project, target, color)

    def colored_targets(self) -> set[tuple[str, str]]:
        """Project and target of every coloured service."""
        return targets_with(self._api, self._call, COLOR_LABEL)

    def released_targets(self) -> set[tuple[str, str]]:
        """Project and target of every service that was released."""
        return targets_with(self._api, self._call, TARGET_LABEL)

    def project_services(self, project: str) -> list[ServiceState]:
        """Every service that releases of a project made, by name."""
        found = self._call(self._api.services, filters={"label": f"{PROJECT_LABEL}={project}"})
        return sorted((service_state(item) for item in found), key=lambda service: service.name)

    def remains(self, project: str) -> Remains:
        """What else there is of a stack."""
        return find_remains(self._api, self._call, project)

    def service(self, name: str) -> ServiceState | None:
        """One service, or None."""
        try:
            return service_state(self._api.inspect_service(name))
        except NotFound:
            return None
        except (DockerException, requests.RequestException) as error:
            raise EngineError(f"Docker could not inspect service '{name}': {_reason(error)}") from error

    def tasks(self, service: ServiceState) -> list[TaskState]:
        """Every task of a service that Swarm still remembers, newest first."""
        return self._tasks_of(service, filters={"service": service.name})

    def not_ended(self, service: ServiceState) -> list[TaskState]:
        """The tasks that are not over yet. Swarm can be asked by service only while that is there."""
        return [task for task in self._tasks_of(service) if not task.ended]

    def running(self, service: ServiceState | None) -> list[TaskState]:
        """The tasks that run and shall run. With a health check, Swarm says running only once it passed."""
        if service is None:
            return []
        return [task for task in self.tasks(service) if task.running]

    def task_log(self, task_id: str, lines: int = 10) -> list[str]:
        """The last lines that a task wrote, oldest first; empty when its container or log is gone."""
        url = self._api._url("/tasks/{0}/logs", task_id)  # noqa: SLF001 - the SDK has no call for one task's log
        try:
            answer = self._api.get(url, params={"stdout": 1, "stderr": 1, "tail": lines}, timeout=10)
            answer.raise_for_status()
        except (DockerException, requests.RequestException):
            return []
        return log_lines(answer.content)[-lines:]

    def leaving_first(self, tasks: Sequence[TaskState], count: int) -> list[TaskState]:
        """Those of the running tasks that Swarm will remove when it scales down."""
        return leaving_first(tasks, count)

    def image(self, reference: str) -> ImageState | None:
        """What this engine knows of an image that it has, or None."""
        try:
            found = self._api.inspect_image(reference)
        except NotFound:
            return None
        except (DockerException, requests.RequestException) as error:
            raise EngineError(f"Docker could not inspect image '{reference}': {_reason(error)}") from error
        return ImageState(str(found["Id"]), tuple(str(digest) for digest in found.get("RepoDigests") or ()))

    def registry_digest(self, reference: str) -> str | None:
        """The digest that the image's own registry has for it, or None when it says that it has no such image."""
        try:
            found = self._api.inspect_distribution(reference)
        except (DockerException, requests.RequestException) as error:
            reason = _reason(error)
            if isinstance(error, NotFound) or any(sign in reason.lower() for sign in _NO_SUCH_IMAGE):
                return None
            raise EngineError(
                f"the registry of image '{reference}' did not say which digest it has: {reason}; log in to it on this "
                f"manager (docker login), try again later, or name the image by its digest"
            ) from error
        return str(found["Descriptor"]["digest"])

    def translate(self, deployment: Deployment) -> Translation:
        """Check that the deployment makes a stack; what Swarm cannot do are the warnings."""
        project, target = deployment.project, deployment.target
        found = self._call(self._api.services, filters={"label": f"{STACK_LABEL}={project.name}"})
        document = self._document(deployment, neighbours(project.name, found))
        external = external_networks(project, target)
        if external:
            known = self._call(self._api.networks, names=sorted(external))
            check_networks(project, target, {one["Name"] for one in known if one.get("Internal")})
        warnings = Warnings(list(document.warnings))
        places = nodes(self._call(self._api.nodes))
        if len(places) > 1:
            there = whereabouts(self, project.name, target, deployment.side_targets, places)
            check_data(project, target, deployment.side_targets, places, there, warnings)
        return Translation(document.replicas, tuple(warnings.sentences))

    def spec_of(self, deployment: Deployment) -> str:
        """The hash does not depend on the colour, on the number of instances, or on which Docker client deploys it."""
        image = deployment.project.service(deployment.target)["image"]
        return spec_hash(
            deployment.project,
            deployment.target,
            colored=deployment.color is not None,
            images={image: deployment.images[image]} if image in deployment.images else {},
            image_identity=deployment.image_id,
            target_port=deployment.target_port,
        )

    # -- changing -----------------------------------------------------------------------------------------------

    def deploy(self, deployment: Deployment, timeout: float, *, with_registry_auth: bool = False) -> None:
        """Apply the stack file of the deployment with Docker's own command line."""
        stack_deploy(
            self._document(deployment),
            docker_host=self.docker_host,
            timeout=timeout,
            with_registry_auth=with_registry_auth,
        )

    def update(self, service: ServiceState, change: Callable[[dict[str, Any]], None]) -> ServiceState:
        """Apply C(change) to a copy of the service's spec, only if the service is still as C(service) says.

        Returns the state after the update. Raises OutOfDateError when somebody else changed it meanwhile.
        """
        spec = copy.deepcopy(service.native)
        change(spec)
        if spec == service.native:
            return service
        url = self._api._url("/services/{0}/update", service.id)  # noqa: SLF001 - the SDK takes no whole spec
        try:
            answer = self._api._post_json(url, data=spec, params={"version": service.version})  # noqa: SLF001
            self._api._raise_for_status(answer)  # noqa: SLF001
        except (DockerException, requests.RequestException) as error:
            if _OUT_OF_SEQUENCE in str(error):
                raise OutOfDateError(
                    f"service '{service.name}' was changed by somebody else meanwhile, nothing was done: run it again"
                ) from error
            raise EngineError(f"Docker refused to update service '{service.name}': {_reason(error)}") from error
        updated = self.service(service.name)
        if updated is None:
            raise OutOfDateError(f"service '{service.name}' was removed by somebody else meanwhile: run it again")
        return updated

    def scale(self, service: ServiceState, replicas: int) -> ServiceState:
        """Set the number of replicas, with the version index as the fence."""

        def set_replicas(spec: dict[str, Any]) -> None:
            mode = spec["Mode"]
            if "Replicated" not in mode:
                raise EngineError(f"service '{service.name}' is not replicated, so it cannot be scaled")
            mode["Replicated"]["Replicas"] = replicas

        return self.update(service, set_replicas)

    def restart(self, service: ServiceState) -> ServiceState:
        """Raise the counter by which Swarm tells that the tasks are to be replaced."""

        def force(spec: dict[str, Any]) -> None:
            template = spec["TaskTemplate"]
            template["ForceUpdate"] = template.get("ForceUpdate", 0) + 1

        return self.update(service, force)

    def mark(self, service: ServiceState, run: str) -> ServiceState:
        """Write the run into a service label; Swarm restarts nothing for that."""

        def set_label(spec: dict[str, Any]) -> None:
            spec["Labels"] = {**(spec.get("Labels") or {}), RUN_LABEL: run}

        return self.update(service, set_label)

    def remove(self, service: ServiceState) -> None:
        """Remove a service; one that is gone already is fine."""
        try:
            self._api.remove_service(service.id)
        except NotFound:
            return
        except (DockerException, requests.RequestException) as error:
            raise EngineError(f"Docker refused to remove service '{service.name}': {_reason(error)}") from error

    def remove_remains(self, project: str, remains: Remains) -> Remains:
        """Remove these; a network that a container is still leaving is refused for a moment."""
        return remove_found(self._api, self._call, project, remains, (DockerException, requests.RequestException))

    def remove_unused(self, project: str, names: frozenset[str]) -> None:
        """Remove those configs and secrets of a project, by name, that no other service uses."""
        remove_unused(self._api, self._call, project, names, (DockerException, requests.RequestException))

    def _document(self, deployment: Deployment, known: Neighbours = NOBODY) -> StackDocument:
        if self._dialect is None:
            self._dialect = client_dialect(("docker", "--host", self.docker_host))
        return stack_document(
            deployment.project,
            deployment.target,
            deployment.color,
            service=deployment.service,
            instances=deployment.instances,
            images=deployment.images,
            side_targets=deployment.side_targets,
            running=deployment.kept,
            labels={RUN_LABEL: deployment.run, SPEC_LABEL: deployment.spec, IMAGE_LABEL: deployment.image_id},
            target_port=deployment.target_port,
            dialect=self._dialect,
            only=deployment.only,
            neighbours=known,
        )

    def _tasks_of(self, service: ServiceState, **filters: Any) -> list[TaskState]:
        nodes = {node["ID"]: node for node in self._call(self._api.nodes)}
        found = self._call(self._api.tasks, **filters)
        states = [task_state(item, nodes) for item in found if item.get("ServiceID") == service.id]
        return sorted(states, key=lambda task: task.created, reverse=True)

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return operation(**arguments)
        except (DockerException, requests.RequestException) as error:
            said = "answered" if isinstance(error, APIError) else "did not answer"
            raise EngineError(f"Docker at '{self.docker_host}' {said}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation).strip()
    text = str(error)
    if "Permission denied" in text:
        return "permission denied"
    if "FileNotFoundError" in text or "No such file" in text:
        return "the socket does not exist"
    if "ConnectionRefused" in text or "Connection refused" in text:
        return "connection refused"
    return " ".join(text.split())[:300]
