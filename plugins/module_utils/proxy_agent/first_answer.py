# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Asking the store and the catalog once, before a proxy starts and while they may be starting too."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import DeliveryError, RegistryError
from ..core.waiting import Deadline
from ..ports.catalog import Catalog, Instance
from ..ports.store import Store
from .policy.acceptance import accept
from .policy.desired_servers import followed_names
from .policy.intent import Written

_PAUSE = 0.3


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What is said at this moment: the routes, and the instances by backend."""

    written: Written
    instances: Mapping[str, Sequence[Instance]]


def ask(
    store: Store,
    catalog: Catalog,
    prefix: str,
    patience: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> FirstAnswer:
    """The routes under C(prefix) and their instances, within C(patience) seconds; DeliveryError when nobody answers."""
    deadline = Deadline(patience, clock)
    while True:
        try:
            index, entries = store.watch(prefix, 0, 1.0)
            break
        except RegistryError:
            if deadline.remaining < 1:
                raise
        sleep(_PAUSE)
    written = Written.under(prefix, index, entries)
    instances: dict[str, Sequence[Instance]] = {}
    for name in sorted(followed_names(accept(written.documents, {}).routes.values())):
        if deadline.passed:
            raise DeliveryError(f"Consul took more than {patience:g} s")
        instances[name] = catalog.instances(name)[1]
    return FirstAnswer(written, instances)
