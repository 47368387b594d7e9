# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where the state of one target stands in the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of C(service) under C(prefix), which ends with a slash."""

    prefix: str
    service: str

    @property
    def routes(self) -> str:
        """Where the routes of all services are."""
        return f"{self.prefix}routes/"

    @property
    def route(self) -> str:
        """The key of the route."""
        return f"{self.routes}{self.service}"

    @property
    def record(self) -> str:
        """The key of the release record."""
        return f"{self.prefix}releases/{self.service}"

    @property
    def lock(self) -> str:
        """The key of the lock."""
        return f"{self.prefix}locks/{self.service}"
