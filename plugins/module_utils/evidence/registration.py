# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Registration: whether the catalog knows every instance that runs, for the proxies take them from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..core.errors import DeliveryError
from ..core.names import color_name
from ..core.waiting import wait_until
from ..ports.catalog import Instance
from ..ports.engine import TaskState
from ..release.release import Release


def belongs(instance: Instance, task: TaskState) -> bool:
    """Whether a registration is that of a task: by the task's id, where the registrator says it.

    Only a registration without it is compared by address and port: a port may have been another task's a moment ago.
    """
    if instance.task:
        return instance.task == task.id
    return instance.address == task.node_address and instance.port in task.ports


def unregistered(tasks: Iterable[TaskState], registered: Iterable[Instance]) -> list[TaskState]:
    """The tasks that the catalog does not list as passing."""
    passing = [instance for instance in registered if instance.passing]
    return [task for task in tasks if not any(belongs(instance, task) for instance in passing)]


def wait_until_registered(
    release: Release,
    color: str,
    tasks: list[TaskState],
    *,
    timeout: float,
    on_wait: Callable[[str], None],
) -> None:
    """Wait until the catalog lists every task of a colour; raises DeliveryError that names a node where one misses."""
    missing: list[TaskState] = []

    def registered() -> bool:
        missing[:] = unregistered(tasks, release.registered(color))
        return not missing

    def report(_elapsed: float) -> None:
        on_wait(f"{len(tasks) - len(missing)} of {len(tasks)} instances registered in Consul")

    if not wait_until(registered, timeout, interval=0.1, on_wait=report):
        raise DeliveryError(
            f"Consul service '{color_name(release.service, color)}' misses {len(missing)} of {len(tasks)} instances "
            f"after {timeout:g} s: check that the registrator runs on node "
            f"{missing[0].node_address or missing[0].node_id}"
        )
