# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Which targets there are: of those that run, and of those that only the store knows of."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from ..core.errors import DeliveryError
from ..ports.engine import Engine
from ..ports.store import Store
from .keys import Keys
from .record import ReleaseRecord
from .release import released_name

_TYPING_ERROR = 0.75

# Project and target, which together make the name of a service.
Target = tuple[str, str]


def recorded_targets(store: Store, prefix: str) -> dict[str, Target]:
    """Project and target of every release record, by service; damaged ones are left out."""
    found: dict[str, Target] = {}
    place = Keys(prefix, "").record
    for key, entry in store.entries(place).items():
        try:
            record = ReleaseRecord.from_document(entry.json())
        except DeliveryError:
            continue
        found[key.removeprefix(place)] = (record.project, record.target)
    return found


def owner_of(service: str, recorded: Mapping[str, Target]) -> Target:
    """Project and target of a service; of one without a record two names that make the same service."""
    project, _dash, target = service.rpartition("-")
    return recorded.get(service, (project, target))


def known_name(engine: Engine, owner: Target, recorded: Mapping[str, Target]) -> str | None:
    """What a target is called: as it runs, where somebody chose that name, else as its record says; None: neither."""
    found = (service for service, one in sorted(recorded.items()) if one == owner)
    return released_name(engine, *owner) or next(found, None)


def removal_command(owner: Target) -> str:
    """What takes a target away altogether."""
    project, target = owner
    return f"playbooks/remove.yml -e project={project or '<its project>'} -e target={target}"


def mistyped(name: str, known: Collection[str]) -> str | None:
    """The known name that C(name) is likely meant to be; None where it is known, or resembles none.

    Names that differ by their digits alone, as those of review environments do, are no typing errors.
    """
    if name in known:
        return None
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=_TYPING_ERROR)
    return next((one for one in close if _without_digits(one) != _without_digits(name)), None)


def _without_digits(name: str) -> str:
    return "".join(character for character in name if not character.isdigit())
