# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Ports in Compose's short notation."""

from __future__ import annotations

import re
from typing import Any

from ..core.errors import DeliveryError

Port = dict[str, Any]

_SHORT = re.compile(
    r"(?:(?P<host>\[[0-9a-fA-F:]+\]|\d+\.\d+\.\d+\.\d+):)?(?:(?P<published>\d+(?:-\d+)?)?:)?"
    r"(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>tcp|udp|sctp))?"
)


def parse_short_port(text: str) -> list[Port]:
    """C([host:][published:]target[/protocol]), ranges too, in the long form. Raises DeliveryError."""
    match = _SHORT.fullmatch(text)
    if match is None:
        raise DeliveryError(f"port '{text}' is not valid: write it as 8080, 80:8080 or 80:8080/udp")
    targets = _range(match.group("target"))
    published = _range(match.group("published")) if match.group("published") else []
    if published and len(published) != len(targets):
        raise DeliveryError(f"port '{text}' is not valid: the two ranges differ in length")
    common: Port = {"mode": "ingress", "protocol": match.group("protocol") or "tcp"}
    if match.group("host"):
        common["host_ip"] = match.group("host").strip("[]")
    return [
        {**common, "target": target, **({"published": published[place]} if published else {})}
        for place, target in enumerate(targets)
    ]


def _range(text: str) -> list[int]:
    first, _dash, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))
