# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The catalog port: who lists the instances of a service, wherever they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

# What our registrator writes beside an instance.
TASK_META = "swarm_task"
SPEC_META = "dockerflow_spec"
# Its marks, by which it knows again what it wrote: the node, and a hash of the whole registration.
OWNER_META = "owner"
HASH_META = "hash"


@dataclass(frozen=True, slots=True)
class Instance:
    """One registered instance of a service.

    C(node_alive): its node is in touch. C(passing): all other checks of the service and the node pass.
    """

    id: str
    address: str
    port: int
    node: str
    node_alive: bool
    passing: bool
    meta: dict[str, str]
    tags: tuple[str, ...]

    @property
    def task(self) -> str | None:
        """The id of the engine's task, which our registrator writes; None where another one registered it."""
        return self.meta.get(TASK_META)

    @property
    def spec(self) -> str | None:
        """Which release it is of; None where another registrator than ours wrote it, which does not know.

        Empty: ours wrote it and it is of none, though it has the name of one. That is an impostor, such as a container
        whose SERVICE_NAME somebody copied.
        """
        ours = OWNER_META in self.meta and HASH_META in self.meta
        return self.meta.get(SPEC_META, "" if ours else None)


class Catalog(Protocol):
    """Calls end in time or raise RegistryError."""

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        """All registered instances of a service whatever their health, and the index of that answer.

        With an C(index) the answer comes once it differs from that one, or after C(wait) seconds.
        """
