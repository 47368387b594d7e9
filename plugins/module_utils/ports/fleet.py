# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The fleet port: the proxies that lead users to a service, and what each of them says of it.

Modules never talk to a proxy. They write intent (a route) and wait for evidence (every member's acknowledgement).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """What a proxy's check of the instance at C(place), C(address:port), C(got) when it last asked.

    C(kind) is refused, closed, unreachable, timeout, invalid, status, unchecked, or what a newer proxy may say.
    """

    place: str
    kind: str
    got: str

    @property
    def answered(self) -> bool:
        """Whether the program said something. Until its first answer it may just be starting."""
        return self.kind in ("status", "invalid")


@dataclass(frozen=True, slots=True)
class ColorStatus:
    """One colour at one proxy: configured servers, those that are up, and open requests over all its workers.

    C(draining) are those of the open requests that are on instances about to be scaled away. C(failing): why some that
    are not up are not.
    """

    servers: int
    up: int
    open: int
    draining: int = 0
    failing: tuple[FailedCheck, ...] = ()

    @property
    def why(self) -> str:
        """What the checks got, in words that follow a sentence; empty when nothing is known."""
        said = ", ".join(f"{one.place}: {one.got}" for one in self.failing)
        return f" ({said})" if said else ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What one proxy says of one service. C(revision) is in effect in all its workers and in its files.

    C(live) is what users get, also where that is not what the revision says. C(written) is the revision that the proxy
    has read and that C(error) is about, None when it does not say. C(route) is the whole route, as a document, where
    the store does not hold it, or another version of it. C(lost): the store has nothing of it any more, and nobody
    removed it.
    """

    revision: int
    error: str | None
    live: str | None
    colors: Mapping[str, ColorStatus]
    route: Mapping[str, Any] | None = None
    written: int | None = None
    lost: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing gets a request here: no server is up and no request is open."""
        return not any(color.up or color.open for color in self.colors.values())

    def color(self, color: str) -> ColorStatus:
        """The colour's status; all zero when the proxy does not follow it."""
        return self.colors.get(color, ColorStatus(0, 0, 0))


@dataclass(frozen=True, slots=True)
class Gone:
    """A removed route of which one proxy has nothing any more: by which C(revision), and how many requests that came by
    it are still C(open)."""

    revision: int
    open: int = 0


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy. C(alive): it has a heartbeat. C(member) False: it reports itself, but nobody made it a member.

    One that is no member serves users all the same, so all that it says counts. C(removed) are the removed routes that
    it knows of, by service.
    """

    id: str
    address: str
    alive: bool
    order: int
    notes: tuple[str, ...]
    services: Mapping[str, Acknowledgement]
    member: bool = True
    removed: Mapping[str, Gone] = field(default_factory=dict)

    def acknowledgement(self, service: str) -> Acknowledgement | None:
        """What it says of a service, or None when it has no trace of it."""
        return self.services.get(service)


Snapshot = Mapping[str, Proxy]


class Fleet(Protocol):
    """All members, whether or not they answer right now, and whoever else reports itself as a proxy.

    Those that the operator excluded by name are not among them.
    """

    def snapshot(self) -> Snapshot:
        """The fleet as it is now."""

    def everyone(self) -> Snapshot:
        """The fleet as it is now, with those that the operator excluded."""

    def require_members(self) -> Snapshot:
        """The fleet, or DeliveryError when it has no member at all."""

    def wait_for(
        self,
        condition: Callable[[Snapshot], bool],
        timeout: float,
        on_wait: Callable[[float, Snapshot], None] | None = None,
    ) -> tuple[bool, Snapshot]:
        """Wait until the condition holds for those members that count; returns whether it did and the last snapshot.

        A member without a heartbeat counts, because it may well be serving, unless its front port refuses connections.
        C(on_wait) is called about every second with the seconds waited and the last snapshot.
        """


def counting_members(fleet: Snapshot, refuses: Callable[[str], bool]) -> Snapshot:
    """The members that must take part: all with a heartbeat, and those without unless their front port refuses."""
    return {name: member for name, member in fleet.items() if member.alive or not refuses(member.address)}


def acknowledgements(service: str, fleet: Snapshot) -> list[Acknowledgement]:
    """What those proxies say of a service that have a trace of it."""
    said = (proxy.acknowledgement(service) for proxy in fleet.values())
    return [one for one in said if one is not None]


def front_doors(fleet: Snapshot) -> dict[str, str]:
    """By name, where users come in at every living proxy; of one that is no member nobody knows where."""
    return {name: proxy.address for name, proxy in sorted(fleet.items()) if proxy.alive and proxy.address}


def newest_revision(service: str, fleet: Snapshot) -> int:
    """The newest revision of a service's route, or of its removal, that any proxy has; 0 when none has one."""
    gone = [proxy.removed[service].revision for proxy in fleet.values() if service in proxy.removed]
    return max([0, *gone, *(one.revision for one in acknowledgements(service, fleet))])


def newest_epoch(service: str, fleet: Snapshot) -> int:
    """The newest epoch of those routes that proxies have and the store does not."""
    kept = [one.route for one in acknowledgements(service, fleet) if one.route is not None]
    return max((int(route.get("epoch", 0)) for route in kept), default=0)


def newest_route(service: str, fleet: Snapshot) -> Mapping[str, Any] | None:
    """The newest route, as a document, of those that proxies have and the store does not; None without any."""
    kept = [one for one in acknowledgements(service, fleet) if one.route is not None]
    return max(kept, key=lambda one: one.revision).route if kept else None


def open_requests(service: str, color: str, fleet: Snapshot) -> dict[str, int]:
    """The open requests of a colour per proxy; a member without a heartbeat counts as -1, nobody knows."""
    counted = {}
    for name, member in fleet.items():
        said = member.acknowledgement(service)
        gone = member.removed.get(service)
        # Those that came by a route that was removed since: they may be of this colour.
        left = gone.open if gone is not None else 0
        counted[name] = -1 if not member.alive else left if said is None else said.color(color).open + left
    return counted
