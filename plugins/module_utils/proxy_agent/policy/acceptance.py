# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Which version of each route is used: the newest sound one, else the last good one. A bad route harms no other.

That a route was removed is a version of it too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ...core.errors import DeliveryError
from ...routes.route import Route, conflicts
from ...routes.tombstone import Tombstone, route_or_tombstone


@dataclass(frozen=True, slots=True)
class Acceptance:
    """C(routes) are to be in effect; C(errors) say by service why its newest version is not among them.

    C(revisions) are those of the newest versions, as far as they can be read. C(removed) are to be in effect no more;
    by service, the revision that says so.
    """

    routes: dict[str, Route] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)


def accept(documents: Mapping[str, str], last_good: Mapping[str, Route], lost: Collection[str] = ()) -> Acceptance:
    """Judge what stands in Consul, by service, against the routes that were last in effect.

    Routes that stay as they are come first, so that nobody can take a path away from a service that has it. A version
    that is older than what is in effect is history, told by a Consul that was restored or replays its log: it is never
    gone back to. Services in C(lost), of which Consul has nothing any more, keep theirs where that harms none.
    """
    parsed: dict[str, Route] = {}
    removed: dict[str, int] = {}
    errors: dict[str, str] = {}
    revisions: dict[str, int] = {}
    for service, text in documents.items():
        try:
            found = _parse(service, text)
            revisions[service] = found.revision
            found = _not_older(found, last_good.get(service))
        except DeliveryError as error:
            errors[service] = str(error)
            continue
        if isinstance(found, Tombstone):
            removed[service] = found.revision
        else:
            parsed[service] = found
    routes: dict[str, Route] = {}
    for service in sorted(parsed, key=lambda name: (not _same_keys(parsed[name], last_good.get(name)), name)):
        taken = conflicts(parsed[service], routes.values())
        if taken:
            key, owner = taken[0]
            errors[service] = f"service_path: '{key}' of '{service}' belongs to '{owner}': choose another path or host"
        else:
            routes[service] = parsed[service]
    for service in (*errors, *lost):
        previous = last_good.get(service)
        if previous is not None and not conflicts(previous, routes.values()):
            routes[service] = previous
    return Acceptance(routes, errors, revisions, removed)


def _parse(service: str, text: str) -> Route | Tombstone:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DeliveryError(
            f"route of '{service}' in Consul is no JSON ({error}): run the stage proxy again"
        ) from error
    if not isinstance(document, dict):
        raise DeliveryError(f"route of '{service}' in Consul is no JSON object: run the stage proxy again")
    route = route_or_tombstone(document)
    if route.service != service:
        raise DeliveryError(f"the key of '{service}' in Consul holds the route of '{route.service}': correct it")
    return route


def _not_older(route: Route | Tombstone, in_effect: Route | None) -> Route | Tombstone:
    if in_effect is not None and route.age < in_effect.age:
        if isinstance(route, Tombstone):
            raise DeliveryError(
                f"Consul says that '{route.service}' was removed by revision {route.revision}, older than "
                f"{in_effect.revision}, which is in effect here and stays: if Consul was restored from a backup, "
                f"rebuild the route with playbooks/adopt.yml, or remove it again with playbooks/remove.yml"
            )
        raise DeliveryError(
            f"Consul holds revision {route.revision} of '{route.service}', older than {in_effect.revision}, which is "
            f"in effect here and stays: release it again, if Consul was restored from a backup"
        )
    return route


def _same_keys(route: Route, previous: Route | None) -> bool:
    return previous is not None and route.keys() == previous.keys()
