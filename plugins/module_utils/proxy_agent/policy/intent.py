# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What should be in effect: what stands in the store, judged against what was last good here. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from ...ports.store import Entry
from ...routes.route import Route
from .acceptance import accept
from .last_good import LastGood


@dataclass(frozen=True, slots=True)
class Written:
    """The routes as they stand in the store: its index, and JSON text by service."""

    index: int
    documents: Mapping[str, str]

    @classmethod
    def under(cls, prefix: str, index: int, entries: Mapping[str, Entry]) -> Written:
        """From the C(entries) under C(prefix), by full key."""
        return cls(index, {key[len(prefix) :]: entry.value for key, entry in entries.items() if key != prefix})


@dataclass(frozen=True, slots=True)
class Intent:
    """C(routes) by service should be in effect; C(errors) say why a newer version is not among them.

    C(good) is what was last good. C(revisions) are what stands in the store, as far as it can be read. C(removed) are
    services whose routes somebody removed, with the revision that says so; C(lost) those of which the store has nothing
    any more, though nobody removed them.
    """

    good: LastGood
    routes: Mapping[str, Route]
    errors: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    lost: AbstractSet[str] = frozenset()

    @property
    def notes(self) -> list[str]:
        """What people should know of it."""
        return [
            f"Consul has lost the route of '{service}', the last known one stays: rebuild it with playbooks/adopt.yml, "
            f"or take it away with playbooks/remove.yml"
            for service in sorted(self.lost)
        ]


def intend(written: Written | None, good: LastGood) -> Intent:
    """From what is written, None before the store ever answered, and from what was last good."""
    if written is None:
        return Intent(good, dict(good.routes))
    lost = good.missing_in(written.documents)
    found = accept(written.documents, good.routes, sorted(lost))
    lost &= set(found.routes)
    return Intent(good, found.routes, found.errors, found.revisions, found.removed, lost)
