# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Routes: what the proxies know of a service, as it stands in Consul, and the map keys it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.names import is_dns_label
from .rules import check_host, check_path

SCHEMA = 1
# A request that has the preview's token in it reaches the candidate. No instance ever sees it.
PREVIEW_HEADER = "X-Docker-Flow-Preview"


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """How the proxies treat a service. Times in seconds.

    C(check_path) is what the proxies' own HTTP check asks for (None: the first path); 1xx-4xx counts as alive.
    """

    check_path: str | None = None
    retries: int = 3
    timeout_server: int = 30
    timeout_connect: int = 2
    timeout_queue: int = 5


@dataclass(frozen=True, slots=True)
class ColorRoute:
    """What one colour's release asked of the proxies; a rollback brings it back. C(spec): which release that is."""

    paths: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    options: RouteOptions = RouteOptions()
    spec: str = ""

    @property
    def check_path(self) -> str:
        """The path that the proxies check."""
        return self.options.check_path or self.paths[0]


@dataclass(frozen=True, slots=True)
class Split:
    """Which colour users get: C(percent) of the requests go to C(candidate), the rest to C(live)."""

    live: str
    candidate: str | None = None
    percent: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """The colour that a request with the right token gets. Only the token's SHA-256 (hex) is known here."""

    color: str
    token_sha256: str


@dataclass(frozen=True, slots=True)
class Route:
    """One service's route.

    C(paths) and C(hosts) are what users come in by, those of the live release. C(releases) is what each colour's
    release asked for; a colour without an entry is treated as C(paths), C(hosts) and C(options) say. C(instances)
    are the colours that are expected to run, with their expected number. C(draining) are instances,
    C(address:port), that get no new requests because they are about to be scaled away. C(epoch) is raised by
    whoever goes back on purpose, with data that is older than what the proxies have.
    """

    service: str
    revision: int
    paths: tuple[str, ...]
    split: Split
    hosts: tuple[str, ...] = ()
    instances: Mapping[str, int] = field(default_factory=dict)
    options: RouteOptions = RouteOptions()
    preview: Preview | None = None
    draining: tuple[str, ...] = ()
    releases: Mapping[str, ColorRoute] = field(default_factory=dict)
    epoch: int = 0

    @property
    def age(self) -> tuple[int, int]:
        """What orders the versions of a route: nobody takes one that is older than what is in effect."""
        return self.epoch, self.revision

    def own(self, color: str) -> ColorRoute:
        """What holds for one colour alone: the options of one release never reach the other."""
        return self.releases.get(color) or ColorRoute(self.paths, self.hosts, self.options)

    def led_by(self, color: str, own: ColorRoute) -> Route:
        """The same with this as what the colour asks for, and users coming in by it."""
        return replace(
            self,
            paths=own.paths,
            hosts=own.hosts,
            options=own.options,
            releases={**self.releases, color: own},
        )

    def keys(self) -> list[str]:
        """The map keys, C(host/path/) or C(*/path/), sorted."""
        hosts = [host.lower() for host in self.hosts] or ["*"]
        return sorted({host + map_path(path) for host in hosts for path in self.paths})

    def same_but_revision(self, another: Route) -> bool:
        """Whether both say the same apart from the revision."""
        return replace(self, revision=0) == replace(another, revision=0)

    def to_document(self) -> dict[str, Any]:
        """The JSON object that stands in Consul."""
        return {
            "schema": SCHEMA,
            "service": self.service,
            "revision": self.revision,
            "paths": list(self.paths),
            "hosts": list(self.hosts),
            "options": asdict(self.options),
            "split": {"live": self.split.live, "candidate": self.split.candidate, "percent": self.split.percent},
            "instances": {color: self.instances[color] for color in COLORS if color in self.instances},
            "draining": list(self.draining),
            "epoch": self.epoch,
            "releases": {
                color: {
                    "paths": list(own.paths),
                    "hosts": list(own.hosts),
                    "options": asdict(own.options),
                    "spec": own.spec,
                }
                for color, own in sorted(self.releases.items())
            },
            "preview": None
            if self.preview is None
            else {"color": self.preview.color, "token_sha256": self.preview.token_sha256},
        }

    def to_json(self) -> str:
        """The text that stands in Consul."""
        return json.dumps(self.to_document(), sort_keys=True)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Route:
        """Parse and check; raises DeliveryError that names the service when anything is not as it must be."""
        service = str(document.get("service", "?"))
        try:
            if document["schema"] != SCHEMA:
                raise DeliveryError(
                    f"route of '{service}' has schema {document['schema']}, this version reads {SCHEMA}: update the "
                    f"collection on this host"
                )
            preview, split = document.get("preview"), document["split"]
            route = cls(
                service=service,
                revision=int(document["revision"]),
                paths=tuple(str(path) for path in document["paths"]),
                hosts=tuple(str(host) for host in document["hosts"]),
                options=RouteOptions(**document["options"]),
                split=Split(split["live"], split.get("candidate"), int(split.get("percent", 0))),
                instances={str(color): int(count) for color, count in document["instances"].items()},
                draining=tuple(str(instance) for instance in document.get("draining", ())),
                epoch=int(document.get("epoch", 0)),
                releases={str(color): _color_route(own) for color, own in document.get("releases", {}).items()},
                preview=Preview(preview["color"], preview["token_sha256"]) if preview else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DeliveryError(
                f"route of '{service}' in Consul is damaged ({error}): run the stage proxy again"
            ) from error
        check_route(route)
        return route


def _color_route(document: Mapping[str, Any]) -> ColorRoute:
    return ColorRoute(
        paths=tuple(str(path) for path in document["paths"]),
        hosts=tuple(str(host) for host in document["hosts"]),
        options=RouteOptions(**document["options"]),
        spec=str(document["spec"]),
    )


def map_path(path: str) -> str:
    """The path as it stands in a map key: it ends with one slash, so that only whole segments match."""
    return path.rstrip("/") + "/"


def check_route(route: Route) -> None:
    """Refuse what a proxy could not serve or what could break out of its configuration."""
    if not is_dns_label(route.service):
        raise DeliveryError(f"service '{route.service}' is not a valid DNS label")
    for own in (ColorRoute(route.paths, route.hosts, route.options), *route.releases.values()):
        _check_own(route.service, own)
    colors = {route.split.live, *([route.split.candidate] if route.split.candidate else [])}
    colors |= {*route.instances, *route.releases}
    if route.preview is not None:
        colors.add(route.preview.color)
        if len(route.preview.token_sha256) != 64 or not all(
            c in "0123456789abcdef" for c in route.preview.token_sha256
        ):
            raise DeliveryError(f"route of '{route.service}': the preview token is not the hex form of a SHA-256")
    if not colors <= set(COLORS):
        raise DeliveryError(f"route of '{route.service}' names a colour that is neither blue nor green")
    if not 0 <= route.split.percent <= 100:
        raise DeliveryError(f"percent {route.split.percent} is not between 0 and 100")


def _check_own(service: str, own: ColorRoute) -> None:
    if not own.paths:
        raise DeliveryError(f"service_path: '{service}' has no path: give at least one, for example '/'")
    for path in own.paths:
        check_path(path)
    if own.options.check_path:
        check_path(own.options.check_path, "check_path")
    for host in own.hosts:
        check_host(host)
    for name in ("retries", "timeout_server", "timeout_connect", "timeout_queue"):
        value = getattr(own.options, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 86400:
            raise DeliveryError(f"{name} '{value}' is not a whole number from 0 to 86400")


def conflicts(route: Route, others: Iterable[Route]) -> list[tuple[str, str]]:
    """The map keys that C(route) claims and another service already has: (key, service)."""
    wanted = set(route.keys())
    return sorted(
        (key, another.service)
        for another in others
        if another.service != route.service
        for key in wanted.intersection(another.keys())
    )
