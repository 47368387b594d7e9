# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What an unquoted YAML scalar is to Go's YAML library, with which Compose and the Docker client read their files.

That is neither YAML 1.1, as PyYAML reads it, nor 1.2: C(2222:22) and C(yes) are texts, C(0555) and C(0o555) are octal.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TypeAlias

Scalar: TypeAlias = "str | int | float | bool | None"

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# From this power of ten on Go writes a float with an exponent.
_PLACES = 6
_YES = frozenset({"y", "yes", "true", "on"})
_NO = frozenset({"n", "no", "false", "off"})


def scalar_value(text: str) -> Scalar:
    """The value of the unquoted C(text). Dates stay the text that they are."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    match = _INTEGER.fullmatch(plain)
    if match is not None and match.lastgroup is not None:
        number = int(match.group(match.lastgroup), _BASES[match.lastgroup])
        number = -number if match.group("sign") == "-" else number
        # What does not fit into 64 bits is a float, if its digits can be read as one.
        if -(2**63) <= number < 2**63 or (not match.group("sign") and number < 2**64):
            return number
    if _FLOAT.fullmatch(plain) and not math.isinf(value := float(plain)):
        return value
    return text


def scalar_text(value: Scalar) -> str:
    """The text that Go makes of a value where a text is wanted, as in C(environment) and C(labels)."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return _float_text(value)
    return str(value)


def flag(text: str) -> bool | str:
    """The flag that C(text) stands for where one is wanted; C(text) itself where it is none."""
    word = text.lower()
    return True if word in _YES else False if word in _NO else text


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if not value:
        return "-0" if str(value).startswith("-") else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    shown = "".join(map(str, digits))
    power = len(shown) + int(exponent) - 1
    if -5 < power < _PLACES:
        return f"{Decimal(repr(value)).normalize():f}"
    fraction = f".{shown[1:]}" if shown[1:] else ""
    return f"{'-' if sign else ''}{shown[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
