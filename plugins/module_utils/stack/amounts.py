# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Amounts as Compose writes them."""

from __future__ import annotations

import re
from decimal import Decimal

_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def parse_bytes(amount: str | float) -> int | None:
    """C(64m), C(1.5gb), C(1024) in bytes; C(None) for what is no amount of bytes, such as C(50%)."""
    match = _BYTES.fullmatch(str(amount).strip())
    if match is None:
        return None
    return int(Decimal(match.group(1)) * _UNITS[match.group(2).lower()])


def decimal_text(number: str | float) -> str:
    """C(0.5) as C('0.5') and never in exponents, as the stack dialect wants processors."""
    return f"{Decimal(str(number)).normalize():f}"
