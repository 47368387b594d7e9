# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Values of settings: text as somebody wrote it, and what Ansible's variables hold.

docker-flow.yml, the environment and the command line give text. In other variables YAML has made numbers, flags and
dates of some texts, and what was written is lost: C(0123) is 83, C(+2) is 2. Nothing is guessed there.
"""

from __future__ import annotations

import datetime
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


def refuse_lost_text(shown: str, kind: Kind, value: Any, *, secret: bool = False) -> None:
    """Raise DeliveryError where C(value), as a variable holds it before any template, was not written so.

    A flag or a number is as it is where one is asked for. Where a text is asked for, it was another text. A C(secret)
    value is not shown.
    """
    if kind in ("flag", "number"):
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            if _is_lost(name):
                raise DeliveryError(f"{shown} has the name '{name}', which YAML made of another text: put it in quotes")
            if _is_lost(item):
                raise DeliveryError(
                    f"{shown} has no text for '{name}' but {_what(item)}, which YAML made of what was written: put it "
                    f"in quotes"
                )
    for item in value if isinstance(value, (list, tuple)) else (value,):
        if _is_lost(item):
            value_shown = "" if secret else f" '{_spelt(item)}'"
            raise DeliveryError(
                f"{shown}{value_shown} is {_what(item)}, which YAML made of what was written: put it in quotes"
            )


def _is_lost(value: Any) -> bool:
    return isinstance(value, (bool, int, float, datetime.date))


def _is_no_text(value: Any) -> bool:
    """Whether it is neither a text nor a number that a template counted."""
    counted = isinstance(value, int) and not isinstance(value, bool)
    return value is None or (_is_lost(value) and not counted)


def _what(value: Any) -> str:
    return "a flag" if isinstance(value, bool) else "a date" if isinstance(value, datetime.date) else "a number"


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(shown: str, value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise DeliveryError(f"{shown} '{value}' is not valid: it takes one value")
    # A template may count something; whatever else is no text was another one.
    if _is_no_text(value):
        raise DeliveryError(f"{shown} '{'' if value is None else _spelt(value)}' is not valid: put the text in quotes")
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
        raise DeliveryError(f"{shown} '{value}' is not valid: use a whole number, without sign or unit")
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
        if isinstance(item, (Mapping, list, tuple)):
            raise DeliveryError(f"{shown} has no text for '{name}': give each variable one value")
        # As it is, blanks and line ends too; the value may be a secret, so a message does not show it.
        if _is_no_text(item):
            raise DeliveryError(f"{shown} has no text for '{name}': put it in quotes")
        result[str(name)] = str(item)
    return result
