# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where an instance answers, and what HAProxy calls it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_OUTSIDE_NAMES = re.compile(r"[^A-Za-z0-9_.]")


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """An IP address and a port."""

    address: str
    port: int

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)  # ValueError: HAProxy takes no host name for a server added at run time
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port}")

    @property
    def name(self) -> str:
        """HAProxy's name of the server."""
        return _OUTSIDE_NAMES.sub("_", f"{self.address}_{self.port}")

    @property
    def socket(self) -> str:
        """C(address:port) as HAProxy reads it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """The reverse of C(str); ValueError when it is none."""
        address, _colon, port = text.rpartition(":")
        return cls(address.strip("[]"), int(port))
