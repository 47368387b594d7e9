# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The fleet of proxies, as it reports itself in Consul: members are what role proxy wrote, reports what they say."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import DeliveryError
from ..core.names import nearest
from ..core.waiting import Deadline
from ..ports.fleet import Acknowledgement, ColorStatus, FailedCheck, Gone, Proxy, Snapshot, counting_members
from ..ports.store import Entry, Store


class ReportedFleet:
    """All members, whether or not they answer right now, and whoever else reports itself as a proxy.

    Those that the operator excluded by name are not among them.
    """

    def __init__(
        self, store: Store, prefix: str, excluded: frozenset[str] = frozenset(), *, forgiving: bool = False
    ) -> None:
        self._store = store
        self._forgiving = forgiving
        self._prefix = prefix
        self._excluded = excluded

    def snapshot(self) -> Snapshot:
        """The fleet as it is now."""
        return self._snapshot(self._documents("proxies/"))

    def everyone(self) -> Snapshot:
        """The fleet as it is now, with those that the operator excluded; who cannot be read says nothing."""
        return ReportedFleet(self._store, self._prefix, forgiving=True).snapshot()

    def require_members(self) -> Snapshot:
        """The fleet, or DeliveryError when it has no member at all."""
        fleet = self.snapshot()
        known = {*self._documents("members/"), *self._documents("proxies/")}
        unknown = sorted(self._excluded - known)
        if unknown:
            raise DeliveryError(
                f"exclude_proxies: '{unknown[0]}' is no member of the fleet{nearest(unknown[0], known)}: correct or "
                f"remove it"
            )
        if not any(proxy.member for proxy in fleet.values()):
            raise DeliveryError(
                f"no proxy is a member of the fleet (nothing under '{self._prefix}members/' in Consul): provision one "
                f"with role proxy"
            )
        return fleet

    def wait_for(
        self,
        condition: Callable[[Snapshot], bool],
        timeout: float,
        on_wait: Callable[[float, Snapshot], None] | None = None,
    ) -> tuple[bool, Snapshot]:
        """Wait until the condition holds for those members that count; returns whether it did and the last snapshot.

        A member without a heartbeat counts, because its HAProxy may well be serving, unless its front port refuses
        connections. C(on_wait) is called about every second with the seconds waited and the last snapshot.
        """
        deadline = Deadline(timeout)
        index = 0
        while True:
            index, entries = self._store.watch(
                f"{self._prefix}proxies/", index, min(1.0, max(0.05, deadline.remaining)) if index else 0
            )
            fleet = counting_members(self._snapshot(_by_name(entries)), refuses_connections)
            if condition(fleet):
                return True, fleet
            if deadline.passed:
                return False, fleet
            if on_wait is not None:
                on_wait(deadline.elapsed, fleet)

    def _documents(self, place: str) -> dict[str, Entry]:
        return _by_name(self._store.entries(f"{self._prefix}{place}"))

    def _snapshot(self, reports: Mapping[str, Entry]) -> Snapshot:
        members = self._documents("members/")
        fleet = {}
        for name in sorted({*members, *reports} - self._excluded):
            membership = members[name].json() if name in members else None
            report = reports[name].json() if name in reports else None
            try:
                fleet[name] = proxy(name, membership, report)
            except DeliveryError:
                if not self._forgiving:
                    raise
                fleet[name] = proxy(name, membership, None)
        return fleet


def _by_name(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """By the last part of the key; a key that ends with a slash is a folder that somebody's tool made, and no proxy."""
    return {name: entry for key, entry in entries.items() if (name := key.rsplit("/", 1)[-1])}


def proxy(name: str, membership: Mapping[str, Any] | None, report: Mapping[str, Any] | None) -> Proxy:
    """A proxy from the documents under C(members/) and C(proxies/), one of which may be missing.

    Without a report it is not alive, without a membership nobody knows its address.
    """
    address = str(membership.get("address", "")) if membership is not None else ""
    if report is None:
        return Proxy(name, address, False, 0, (), {})
    try:
        services = {
            service: Acknowledgement(
                int(said["revision"]),
                said.get("error"),
                said.get("live"),
                {
                    color: ColorStatus(
                        int(count["servers"]),
                        int(count["up"]),
                        int(count["open"]),
                        int(count.get("draining", 0)),
                        tuple(_failed_check(one) for one in count.get("failing", ())),
                    )
                    for color, count in said["colors"].items()
                },
                said.get("route"),
                said.get("written"),
                bool(said.get("lost")),
            )
            for service, said in report["services"].items()
        }
        removed = {
            service: Gone(int(said["revision"]), int(said["open"]))
            for service, said in report.get("removed", {}).items()
        }
        order, notes = int(report.get("order", 0)), tuple(report.get("notes", ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeliveryError(
            f"the report of proxy '{name}' cannot be read ({type(error).__name__}: {error}): update its agent, or "
            f"exclude it with exclude_proxies"
        ) from error
    return Proxy(name, address, True, order, notes, services, membership is not None, removed)


def _failed_check(said: Mapping[str, Any]) -> FailedCheck:
    return FailedCheck(str(said["place"]), str(said["kind"]), str(said["got"]))


def refuses_connections(address: str) -> bool:
    """Whether nothing listens at a member's front address. Anything but a clear refusal means: it may be serving."""
    try:
        parts = urlsplit(address)
        place = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        if not parts.hostname:
            return False  # an empty host would mean this machine
        with socket.create_connection(place, timeout=1.0):
            return False
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False
