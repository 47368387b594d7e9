# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Values of settings: text from the environment or the command line, and what YAML makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..core.errors import DeliveryError

Kind = Literal["text", "list", "flag", "number", "mapping"]

_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})
_FALSE = frozenset({"false", "no", "off", "0", "n", "f"})


def convert(shown: str, kind: Kind, value: Any, choices: tuple[str, ...] = (), minimum: int | None = None) -> Any:
    """C(value) as the kind demands it; C(None) stays. C(shown) is what the message calls the setting.

    Raises DeliveryError that names the setting, the value and the fix.
    """
    if value is None:
        return None
    match kind:
        case "list":
            return _list(shown, value)
        case "flag":
            return _flag(shown, value)
        case "number":
            return _number(shown, value, minimum)
        case "mapping":
            return _mapping(shown, value)
        case "text":
            text = _text(shown, value)
            if choices and text not in choices:
                raise DeliveryError(f"{shown} '{text}' is not valid: use {', '.join(choices[:-1])} or {choices[-1]}")
            return text


def _text(shown: str, value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise DeliveryError(f"{shown} '{value}' is not valid: it takes one value")
    # YAML reads scale: 2 as a number and project: yes as a flag.
    if isinstance(value, bool):
        raise DeliveryError(f"{shown} '{str(value).lower()}' is not valid: put the text in quotes")
    return str(value).strip()


def _list(shown: str, value: Any) -> list[str]:
    """A sequence, or one text with commas; blanks around the items and empty items do not count."""
    if isinstance(value, Mapping):
        raise DeliveryError(f"{shown} '{dict(value)}' is not valid: write a list or one text with commas")
    items = list(value) if isinstance(value, (list, tuple)) else _text(shown, value).split(",")
    return [item for item in (_text(shown, item) for item in items) if item]


def _flag(shown: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise DeliveryError(f"{shown} '{value}' is not valid: use true or false")


def _number(shown: str, value: Any, minimum: int | None) -> int:
    text = str(value).strip()
    # int() would also take '1_0' and digits of other alphabets.
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise DeliveryError(f"{shown} '{value}' is not valid: use a whole number")
    number = int(text)
    if minimum is not None and number < minimum:
        raise DeliveryError(f"{shown} '{number}' is not valid: the least is {minimum}")
    return number


def _mapping(shown: str, value: Any) -> dict[str, str]:
    """A mapping, or C(A=1,B=2)."""
    if isinstance(value, str):
        pairs = [item.partition("=") for item in value.split(",") if item.strip()]
        if any(not equals or not name.strip() for name, equals, _text in pairs):
            # Not shown: a value with a comma in it may be a secret.
            raise DeliveryError(
                f"{shown} has a part without '=': write it as NAME=value,OTHER=value, values without commas"
            )
        return {name.strip(): text for name, _equals, text in pairs}
    if not isinstance(value, Mapping):
        raise DeliveryError(f"{shown} '{value}' is not valid: write a mapping of names to values")
    result: dict[str, str] = {}
    for name, item in value.items():
        if isinstance(item, (Mapping, list, tuple)) or item is None:
            raise DeliveryError(f"{shown} has no text for '{name}': give each variable one value")
        result[str(name)] = str(item).lower() if isinstance(item, bool) else str(item)
    return result
