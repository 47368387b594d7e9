# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What HAProxy calls a server, and how it is told where the server is."""

from __future__ import annotations

import re

from ..endpoint import Endpoint

_OUTSIDE_NAMES = re.compile(r"[^A-Za-z0-9_.]")


def server_name(endpoint: Endpoint) -> str:
    """The name, which the place alone makes: whoever asks, whenever, gets the same one."""
    return _OUTSIDE_NAMES.sub("_", f"{endpoint.address}_{endpoint.port}")


def server_socket(endpoint: Endpoint) -> str:
    """C(address:port) as HAProxy reads it, C([address]:port) for IPv6."""
    return f"[{endpoint.address}]:{endpoint.port}" if ":" in endpoint.address else str(endpoint)
