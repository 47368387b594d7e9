# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The engine port: who runs containers, by services that have a number of instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..compose.project import ComposeProject

# How an update in place stands. Only the first may still become another one by itself, and rolling_back becomes
# rolled_back.
Phase = Literal["updating", "completed", "paused", "rolling_back", "rolled_back", "unknown"]


@dataclass(frozen=True, slots=True)
class UpdateState:
    """An update in place. C(state) and C(message) are the engine's own words, C(started) when it began (ISO 8601)."""

    phase: Phase
    state: str
    message: str
    started: str | None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service at one moment.

    C(version) is the fence: a change that is made from this state is refused once somebody else changed the service.
    C(service) is its name in the catalog, without a colour, C(spec) the hash of the definition that a release deployed,
    C(image_id) the identity of its image (all three empty where no release did). C(stop_grace) is how long its
    containers may take to end, in seconds, C(attempts) how often an instance that fails is started before the engine
    gives up, C(None) for ever. C(objects) are the names of the
    configs and secrets that its containers mount. Another C(definition) means that an update replaces the containers.
    C(native) is the engine's own description.
    """

    id: str
    name: str
    version: int
    replicas: int
    image: str
    service: str = ""
    spec: str = ""
    image_id: str = ""
    run: str = ""
    update: UpdateState | None = None
    stop_grace: float = 0.0
    attempts: int | None = None
    objects: frozenset[str] = frozenset()
    definition: Any = field(default=None, repr=False)
    native: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TaskState:
    """One instance, or the attempt at one, at one moment.

    C(created) is ISO 8601. C(running): it runs, is healthy if it has a health check, and shall go on running.
    C(leaving): it has not ended, and shall not run (now). C(ended): it is over. C(completed): it ended well, as a
    job does. C(failed): it ended by itself, or could not even start; C(rejected): it could not start, and no other
    try will. C(starting): it started, and its health check did not pass yet. C(lost): its node is down, so nobody
    can say whether it still runs, and it counts as none of these but leaving. C(state) and C(reason) are the
    engine's own words. C(ports) are its ports on the node; IPv4 and IPv6 may differ.
    """

    id: str
    slot: int
    created: str
    state: str
    reason: str = ""
    running: bool = False
    leaving: bool = False
    ended: bool = False
    completed: bool = False
    failed: bool = False
    rejected: bool = False
    starting: bool = False
    lost: bool = False
    node_id: str = ""
    node_address: str = ""
    container: str = ""
    exit_code: int | None = None
    ports: frozenset[int] = frozenset()

    @property
    def gone(self) -> bool:
        """It is over, or on a node that is down: nothing is to be waited for."""
        return self.ended or self.lost


@dataclass(frozen=True, slots=True)
class ImageState:
    """An image that the engine has. C(digests) are those that registries know it by, C(repository@digest) each."""

    id: str
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptService:
    """What a side target runs with already, and keeps: instances and pinned image. C(None): what the file says."""

    replicas: int | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """What an engine is to run: the target of a project, in a colour, with its side targets.

    C(color) C(None): without colours, the service is updated in place. C(instances) C(None): what the file says, else
    one. C(images) maps images as the file writes them to pinned references, C(kept) side targets to what they keep.
    C(target_port) is the container port that users get, by default the first. C(service) is the name in the catalog,
    without a colour, by default C(<project>-<target>). It, C(run), C(spec) and C(image_id) come back in the service's
    state. C(only): of all this, these side targets and nothing else now; what they are does not depend on it.
    """

    project: ComposeProject = field(repr=False)
    target: str
    color: str | None
    instances: int | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    side_targets: tuple[str, ...] = ()
    kept: Mapping[str, KeptService] = field(default_factory=dict)
    target_port: int | None = None
    service: str = ""
    only: tuple[str, ...] | None = None
    run: str = ""
    spec: str = ""
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class Translation:
    """What an engine makes of a deployment: how many instances, and what it cannot do, one sentence each."""

    instances: int | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is of a project beside the services of its releases, by name.

    C(objects) are configs and secrets that releases made, C(networks) those of its stack, less the C(shared_networks)
    that services of other stacks use. C(volumes) are those of its stack, on this node alone. C(strangers) are services
    of its stack that no release made.
    """

    objects: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    shared_networks: tuple[str, ...] = ()


class Engine(Protocol):
    """Every call ends within the engine's own timeout and raises EngineError when it was not done."""

    # -- reading ------------------------------------------------------------------------------------------------

    def service_name(self, project: str, target: str, color: str | None = None) -> str:
        """What the engine calls the service."""

    def colored_targets(self) -> set[tuple[str, str]]:
        """Project and target of every coloured service."""

    def released_targets(self) -> set[tuple[str, str]]:
        """Project and target of every service that was released, in a colour or without."""

    def project_services(self, project: str) -> list[ServiceState]:
        """Every service that releases of a project made: targets in any colour, and side targets."""

    def remains(self, project: str) -> Remains:
        """What else there is of a project."""

    def service(self, name: str) -> ServiceState | None:
        """One service, or None."""

    def tasks(self, service: ServiceState) -> list[TaskState]:
        """Every task of a service that the engine still remembers, newest first."""

    def not_ended(self, service: ServiceState) -> list[TaskState]:
        """The tasks of a service, also of one that was removed, that are not over yet."""

    def running(self, service: ServiceState | None) -> list[TaskState]:
        """The tasks that run and shall run."""

    def task_log(self, task_id: str, lines: int = 10) -> list[str]:
        """The last lines that a task wrote, oldest first; empty when its container or log is gone."""

    def leaving_first(self, tasks: Sequence[TaskState], count: int) -> list[TaskState]:
        """Those C(count) of the running tasks that the engine is expected to remove when it scales down."""

    def image(self, reference: str) -> ImageState | None:
        """An image that this engine has, or None."""

    def registry_digest(self, reference: str) -> str | None:
        """The digest that the image's own registry has for it, or None when it says that it has no such image.

        A registry that cannot be reached, wants a login or asks for patience is an EngineError with its own words.
        """

    def translate(self, deployment: Deployment) -> Translation:
        """Check a deployment, changing nothing; raises DeliveryError, with the fix, when it cannot be deployed."""

    def spec_of(self, deployment: Deployment) -> str:
        """A hash (hex) of all that the target's definition says: the same spec is the same release."""

    # -- changing -----------------------------------------------------------------------------------------------

    def deploy(self, deployment: Deployment, timeout: float, *, with_registry_auth: bool = False) -> None:
        """Create or update the target and the side targets; returns before they are healthy. C(timeout) in seconds."""

    def restart(self, service: ServiceState) -> ServiceState:
        """Start every instance anew, also of a job that ended; OutOfDateError as in C(scale)."""

    def scale(self, service: ServiceState, replicas: int) -> ServiceState:
        """Set the number of instances; OutOfDateError when somebody else changed the service meanwhile."""

    def mark(self, service: ServiceState, run: str) -> ServiceState:
        """Note the run on the service, which restarts nothing; OutOfDateError as in C(scale)."""

    def remove(self, service: ServiceState) -> None:
        """Remove a service; one that is gone already is fine."""

    def remove_remains(self, project: str, remains: Remains) -> Remains:
        """Remove these configs, secrets and networks; returns those that something still uses."""

    def remove_unused(self, project: str, names: frozenset[str]) -> None:
        """Remove those configs and secrets of a project, by name, that no other service uses."""
