# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The driver port: what the agent needs of a proxy.

The agent decides what should be: which routes, which servers, when. A driver knows how its proxy gets there. Another
kind of proxy is another room beside C(haproxy/), and one more line in C(providers.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol

from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.names import color_name
from ..routes.route import Route
from .endpoint import Endpoint


class ProxyError(DeliveryError):
    """The proxy refused something or answered something else than it should."""


class ProxyAwayError(ProxyError):
    """The proxy does not run, or the generation that was asked is gone: nothing may be assumed of it."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One of the proxy's processes that carry requests. C(current): it takes new connections; others finish theirs.

    C(version) is the proxy's own, such as C(3.0.11).
    """

    pid: int
    current: bool
    version: str


@dataclass(frozen=True, slots=True)
class ServerState:
    """One server as the current generation has it.

    C(place) is its C(address:port). C(running): its check does not say that it is down. C(maintenance): it is there but
    switched off. A drained server serves what it has. C(checked): its check is on; C(proven): and passed.
    """

    name: str
    place: str
    running: bool
    maintenance: bool
    drained: bool
    checked: bool
    proven: bool

    @property
    def up(self) -> bool:
        """Whether it gets new requests."""
        return self.running and not self.maintenance and not self.drained


# By backend (the name of one colour of a service), then by the proxy's name of the server.
Servers = Mapping[str, Mapping[str, ServerState]]
# By backend: the servers it should have.
Desired = Mapping[str, Sequence[Endpoint]]


# Of what kind an answer is that does not count: nothing listens at the address; the connection was closed before any
# answer; the address cannot be reached; no answer came in time; the answer is no HTTP; its status is an error; nothing
# was asked yet; something else.
CheckKind = Literal["refused", "closed", "unreachable", "timeout", "invalid", "status", "unchecked", "other"]


@dataclass(frozen=True, slots=True)
class Check:
    """Why a server is not up: what its last check got. C(text) says it to people."""

    kind: CheckKind
    text: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Open requests per backend and per (backend, server), summed over all generations.

    In the current one: the servers that are C(up), and what the checks of those got that are down, C(failing).
    """

    open: dict[str, int] = field(default_factory=dict)
    servers: dict[tuple[str, str], int] = field(default_factory=dict)
    up: dict[str, set[str]] = field(default_factory=dict)
    failing: dict[tuple[str, str], Check] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the proxy would not take a configuration, and what C(by) says so."""

    by: str
    reason: str

    def __str__(self) -> str:
        return f"{self.by}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one backend should have. C(draining) are C(address:port) of servers that stay but get no new requests."""

    servers: Sequence[Endpoint]
    draining: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """What came of it. C(pending): something is left to be done later. C(problems): by backend, why not all is done."""

    pending: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)


class RunningProxy(Protocol):
    """The generation that takes new connections, for the length of one pass.

    Every call raises ProxyAwayError once that generation is gone, so that no pass mixes what two of them have, and
    ProxyError when the proxy does not do what it is told.
    """

    def structure(self) -> str:
        """The digest of what it was started with, to be compared with C(ProxyDriver.structure_of)."""

    def backends(self) -> AbstractSet[str]:
        """The backends that it can send requests to."""

    def servers(self) -> Servers:
        """All servers as they are now."""

    def live(self) -> Mapping[str, str]:
        """By service, the colour that users get now, whatever was asked for: what the memory says."""

    def switch(self, routes: Collection[Route]) -> None:
        """Send users where these routes say and nobody anywhere else; routes that the structure has no place for wait.

        In memory and on disk, both read back: what is lost at the next start is no flip. DeliveryError: it may be
        neither wholly the old nor wholly the new one; calling it again makes it whole.
        """

    def serve(self, wanted: Mapping[str, Wanted], seen: Servers) -> Served:
        """Bring the servers of these backends from what was C(seen) to what is wanted, without harm to a request.

        A new server gets requests only once it has proven itself; one that goes is drained first. One backend's problem
        stops no other. Backends that the structure lacks are passed over.
        """

    def record(self, routes: Collection[Route], desired: Desired, seen: Servers) -> None:
        """Keep on disk what a start without Consul begins with. A structure that is not in force stays out of it."""


class ProxyDriver(Protocol):
    """One proxy. C(provider) is its name in settings and documents, C(title) the one for people.

    Calls end in time. What asks a running proxy raises ProxyAwayError when there is none, and ProxyError when it does
    not answer as it should.
    """

    provider: str
    title: str

    def server_name(self, endpoint: Endpoint) -> str:
        """What the proxy calls the server at this place: the key in C(Servers)."""

    def structure_of(self, routes: Collection[Route]) -> str:
        """The digest of everything that only C(restructure) can change, if these were the routes."""

    def refusal(self, routes: Collection[Route]) -> Refusal | None:
        """What the proxy has against these routes; None: nothing. DeliveryError: it could not be asked."""

    def running(self) -> RunningProxy:
        """The current generation; ProxyAwayError when there is none."""

    def generations(self) -> tuple[Generation, ...]:
        """The current one first, then those that still finish requests; ProxyAwayError when nothing answers."""

    def counts(self, generations: Iterable[Generation]) -> Counts:
        """Count in all of these; one that is replaced and has just ended has nothing left to count."""

    def restructure(self, routes: Collection[Route], desired: Desired) -> RunningProxy:
        """Put another structure in force without a lost request; what runs then. DeliveryError: the old one is back.

        Servers that got requests before get them at once, all others have to prove themselves.
        """

    def startable(self) -> bool:
        """Whether the proxy would start with the files that it has."""

    def write_start(self, routes: Collection[Route], desired: Desired) -> None:
        """Write what the next start begins with. The proxy does not run meanwhile. DeliveryError: it could not."""

    def become(self) -> NoReturn:
        """Turn this process into the proxy. OSError: it could not be executed."""


def backends_of(service: str) -> tuple[str, ...]:
    """The backends of a service: one for each colour, at all times."""
    return tuple(color_name(service, color) for color in COLORS)
