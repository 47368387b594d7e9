# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What stands in the place of a route that was removed, so that nobody has to guess why it is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import DeliveryError
from .route import Route

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The last version of a route: it was removed on purpose, at C(time) (ISO 8601).

    It is numbered as the versions before it are, so that it is newer than what any proxy has, and the next release of
    that service newer than it. A route that is missing without one was lost.
    """

    service: str
    revision: int
    epoch: int = 0
    time: str = ""

    @property
    def age(self) -> tuple[int, int]:
        """See Route.age."""
        return self.epoch, self.revision

    def to_json(self) -> str:
        """The text that stands in Consul, under the key of the route."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "service": self.service,
                "removed": True,
                "revision": self.revision,
                "epoch": self.epoch,
                "time": self.time,
            },
            sort_keys=True,
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Tombstone:
        """Parse what is_tombstone() recognised; raises DeliveryError that names the service."""
        service = str(document.get("service", "?"))
        try:
            return cls(service, int(document["revision"]), int(document.get("epoch", 0)), str(document.get("time", "")))
        except (KeyError, TypeError, ValueError) as error:
            raise DeliveryError(
                f"what says in Consul that the route of '{service}' was removed is damaged ({error}): remove it again "
                f"with playbooks/remove.yml"
            ) from error


def route_or_tombstone(document: Mapping[str, Any]) -> Route | Tombstone:
    """What stands under the key of a route; raises DeliveryError that names the service."""
    return Tombstone.from_document(document) if is_tombstone(document) else Route.from_document(document)


def is_tombstone(document: Mapping[str, Any]) -> bool:
    """Whether this stands where a route stood, and says that it was removed."""
    return document.get("removed") is True
