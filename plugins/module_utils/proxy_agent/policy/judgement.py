# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Which servers a colour should have, judged from what Consul says and what the proxy's own checks say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ...ports.catalog import Instance
from ...routes.route import Route
from ..endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Judgement:
    """The servers that a backend should have, and what is worth telling."""

    servers: tuple[Endpoint, ...]
    notes: tuple[str, ...] = ()


def followed_colors(route: Route) -> dict[str, int]:
    """Colours whose instances are followed, with the number that is expected. Users' colour is always one of them."""
    colors = dict(route.instances)
    colors.setdefault(route.split.live, 1)
    if route.split.candidate is not None and route.split.percent > 0:
        colors.setdefault(route.split.candidate, 1)
    return colors


def judge(
    name: str,
    found: Sequence[Instance] | None,
    before: Sequence[Endpoint],
    expected: int,
    up: Collection[Endpoint],
    spec: str = "",
) -> Judgement:
    """The servers of the backend C(name).

    C(found) is Consul's answer (None: there was none yet), C(before) what was desired last, C(expected) how many the
    route counts on, C(up) those servers whose own check passes. C(spec) is the release that the route means: instances
    of another one, on a node that was cut off and came back, say, are none of its servers.

    An instance is out when it left the catalog or one of its checks is critical. A node that only lost touch
    (serfHealth) stays: whether its instances answer is for the proxy's own check to say. An answer that takes
    everything away at once while the proxy's checks pass is not believed.
    """
    if found is None:
        return Judgement(tuple(before))
    servers, notes = _endpoints(instance for instance in found if instance.passing and is_of(instance, spec))
    if servers or expected <= 0:
        return Judgement(servers, notes)
    kept = tuple(server for server in before if server in up)
    if kept:
        note = (
            f"Consul names no usable instance of {name}, but {expected} should run and the proxy's own checks pass: "
            f"the last {len(kept)} known stay"
        )
        notes = (*notes, note)
    return Judgement(kept, notes)


def is_of(instance: Instance, spec: str) -> bool:
    """Whether an instance is of this release. Where either side does not say, it is taken to be."""
    return not spec or instance.spec in (None, spec)


def _endpoints(instances: Iterable[Instance]) -> tuple[tuple[Endpoint, ...], tuple[str, ...]]:
    servers: set[Endpoint] = set()
    notes = []
    for instance in instances:
        try:
            servers.add(Endpoint(instance.address, instance.port))
        except ValueError:
            notes.append(
                f"instance {instance.id} is registered at '{instance.address}:{instance.port}', which is no IP address "
                "with a port: it gets no requests"
            )
    return tuple(sorted(servers)), tuple(notes)
