# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a deploy is made from: the operator's wish, and the Compose project with its images pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..compose.dependencies import Awaited, jobs, start_order
from ..compose.project import ComposeProject
from ..core.color import COLORS
from ..core.scale import Scale
from ..ports.engine import Deployment, Engine, KeptService
from .images import PinnedImage, pin_all
from .side_targets import running_side_targets


@dataclass(frozen=True, slots=True)
class DeployWish:
    """What the operator asks for. Times in seconds."""

    side_targets: tuple[str, ...] = ()
    scale: Scale | None = None
    min_scale: int = 1
    max_scale: int | None = None
    pull_side_targets: bool = False
    force: bool = False
    target_port: int | None = None
    with_registry_auth: bool = False
    timeout: float = 300.0
    drain_timeout: float = 60.0
    stop_timeout: float = 120.0
    max_failures: int = 3


@dataclass(frozen=True, slots=True)
class Sources:
    """The Compose project with its images pinned: all that a deploy of the target is made from.

    C(kept) are side targets that keep what they run with, C(new_side_targets) those that did not run, C(order) is that
    in which all of them start. C(from_file) is the number of instances that the Compose file asks for, C(service) the
    target's name in the catalog.
    """

    project: ComposeProject
    images: Mapping[str, PinnedImage]
    kept: Mapping[str, KeptService]
    image: PinnedImage
    spec: str
    from_file: int | None
    warnings: tuple[str, ...]
    new_side_targets: tuple[str, ...] = ()
    service: str = ""
    order: tuple[tuple[Awaited, ...], ...] = ()

    @property
    def needed_side_targets(self) -> tuple[str, ...]:
        """The new ones that have to be healthy: not those that were waited for although nobody requires them."""
        optional = {one.name for wave in self.order for one in wave if one.conditions and not one.required}
        return tuple(name for name in self.new_side_targets if name not in optional)

    def deployment(self, wish: DeployWish, target: str, color: str | None, instances: int, run: str) -> Deployment:
        """What the engine is to run for one colour, or without colours."""
        return Deployment(
            project=self.project,
            target=target,
            color=color,
            instances=instances,
            images={name: pinned.reference for name, pinned in self.images.items()},
            side_targets=wish.side_targets,
            kept=self.kept,
            target_port=wish.target_port,
            service=self.service,
            run=run,
            spec=self.spec,
            image_id=self.image.identity,
        )


def prepare(
    engine: Engine, project: ComposeProject, target: str, wish: DeployWish, colored: bool, service: str = ""
) -> Sources:
    """Check the project for this target and pin its images. Asks Docker and registries, changes nothing."""
    running = running_side_targets(engine, project.name, wish.side_targets)
    new = tuple(name for name in wish.side_targets if name not in running)
    # Translated once without images, so that a target that cannot be deployed is refused before a registry is asked.
    draft = Deployment(
        project=project,
        target=target,
        color=COLORS[0] if colored else None,
        side_targets=wish.side_targets,
        target_port=wish.target_port,
        service=service,
    )
    translation = engine.translate(draft)
    order = start_order(project.services, target, wish.side_targets)
    # A job that is waited for is of this release, a migration for example: it runs again when its image is another one.
    again = jobs(project.services, (target, *wish.side_targets))
    kept = {} if wish.pull_side_targets else {name: one for name, one in running.items() if name not in again}
    wanted = [project.service(target)["image"]]
    wanted += [project.service(name)["image"] for name in wish.side_targets if name not in kept]
    images = pin_all(engine, wanted)
    image = images[wanted[0]]
    pinned = replace(draft, images={wanted[0]: image.reference}, image_id=image.identity)
    spec = engine.spec_of(pinned)
    warnings = translation.warnings
    return Sources(project, images, kept, image, spec, translation.instances, warnings, new, service, order)
