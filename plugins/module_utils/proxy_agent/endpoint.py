# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where an instance answers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """An IP address and a port. ValueError when it is none: no proxy takes a host name for a server at run time."""

    address: str
    port: int

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port}")

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """The reverse of C(str); ValueError when it is none."""
        address, _colon, port = text.rpartition(":")
        return cls(address.strip("[]"), int(port))
