# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The difference between what should be in Consul and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..ports.catalog import HASH_META, OWNER_META
from .registrations import Definition

# What Consul shows of a service and what would mislead its readers if somebody changed it behind our mark.
_COMPARED = (("Name", "Service"), ("Address", "Address"), ("Port", "Port"))


@dataclass(frozen=True, slots=True)
class Plan:
    """C(deregister): ids to take out, first. C(register): definitions to send. C(taken): ids that are not ours."""

    deregister: tuple[str, ...] = ()
    register: tuple[Definition, ...] = ()
    taken: tuple[str, ...] = ()


def plan(desired: Mapping[str, Definition], actual: Mapping[str, Mapping[str, Any]], owner: str) -> Plan:
    """Compare C(desired) (sealed definitions by id) with C(actual) (C(/v1/agent/services)), whatever led there.

    Only services that carry both of our marks, this owner and a hash, are ever touched.
    """
    ours = {key: service for key, service in actual.items() if _is_ours(service, owner)}
    return Plan(
        deregister=tuple(sorted(key for key in ours if key not in desired)),
        register=tuple(
            definition
            for key, definition in sorted(desired.items())
            if (key not in actual or key in ours) and not _same(definition, ours.get(key))
        ),
        taken=tuple(sorted(key for key in desired if key in actual and key not in ours)),
    )


def _is_ours(service: Mapping[str, Any], owner: str) -> bool:
    meta = service.get("Meta") or {}
    return meta.get(OWNER_META) == owner and HASH_META in meta


def _same(definition: Definition, service: Mapping[str, Any] | None) -> bool:
    if service is None or (service.get("Meta") or {}).get(HASH_META) != definition["Meta"][HASH_META]:
        return False
    return all(definition[ours] == service.get(theirs) for ours, theirs in _COMPARED)
