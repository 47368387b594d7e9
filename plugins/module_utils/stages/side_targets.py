# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Side targets: what they keep of what they run with, and when those that a release brought up are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.errors import DeliveryError
from ..evidence.health import wait_until_healthy
from ..ports.engine import Engine, KeptService
from ..release.release import Release


def running_side_targets(engine: Engine, project: str, names: Sequence[str]) -> dict[str, KeptService]:
    """What side targets run with already, and therefore keep: their instances and image.

    One that is there but has nothing that runs or ended well, because it never came up, has nothing to keep.
    """
    kept = {}
    for name in names:
        service = engine.service(engine.service_name(project, name))
        if service is not None and any(task.running or task.completed for task in engine.tasks(service)):
            kept[name] = KeptService(service.replicas, service.image)
    return kept


def wait_for_side_targets(release: Release, names: Iterable[str], timeout: float, max_failures: int) -> None:
    """Wait until every instance of these is healthy, or ended well: tests and users of the candidate need them.

    C(names) are those of which nothing ran before: where some instances run and others do not, perhaps on a node that
    is lost, that does not hold back a release that may be what helps. What ended before this look is forgiven, too.
    C(timeout) in seconds for each.
    """

    for name in names:
        service = release.engine.service(release.engine.service_name(release.project, name))
        if service is None:
            raise DeliveryError(f"side target '{name}' vanished while it was being deployed")
        wait_until_healthy(
            release.engine,
            service,
            service.replicas,
            timeout=timeout,
            before=frozenset(task.id for task in release.engine.tasks(service) if task.ended),
            max_failures=max_failures,
            may_complete=True,
            on_wait=release.run.reporter(f"side target {name}"),
        )
