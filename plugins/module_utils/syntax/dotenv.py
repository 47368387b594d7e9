# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Reading C(.env) as Compose reads it; the controller may have no Compose to ask.

A story compares every rule here with the real Compose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import DeliveryError
from .variables import interpolate

# Compose tells lines apart by the newline alone, and has a list of its own of what is a space.
_SPACES = "\t\v\f\r \x85\xa0"
_TRAILING = (
    _SPACES + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_EXPORT = re.compile(rf"export[{_SPACES}]+")
_NAME = re.compile(rf"(?P<name>[\w.\-\[\]]+)[{_SPACES}]*(?P<end>[=:]|\n|\Z)")
_ESCAPE = re.compile(r'\\([abfnrtv$"\\]|0\d{0,3})', re.ASCII)
_OCTAL = re.compile(r"0[0-7]{3}")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}


def read_dotenv(path: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The assignments in a C(.env) file; empty when there is none. Values may refer to C(env) and to earlier lines."""
    if path.is_dir():
        return {}
    try:
        # As Compose shows what is no UTF-8.
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DeliveryError(f"'{path}' cannot be read: {error}") from error
    return _assignments(text, env or {}, path)


def _assignments(text: str, env: Mapping[str, str], path: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    position = 0
    while (position := _skipped(text, position)) < len(text):
        exported = _EXPORT.match(text, position)
        match = _NAME.match(text, exported.end() if exported else position)
        if match is None or match.group("name")[0].isdigit():
            # A line that Compose ignores, or that it refuses: saying so is left to Compose.
            position = _line_end(text, position)
            continue
        name, position = match.group("name"), match.end()
        if match.group("end") not in ("=", ":"):
            if name in env:
                values[name] = env[name]
            continue
        while position < len(text) and text[position] in _SPACES:
            position += 1
        quoted = text[position : position + 1] in ("'", '"')
        end = _closing(text, position) if quoted else _line_end(text, position)
        if end is None:
            raise DeliveryError(f"'{path}' has no closing quote for the value of {name}")
        try:
            values[name] = _value(text[position:end], {**values, **env})
        except DeliveryError as error:
            raise DeliveryError(f"'{path}' gives {name} no value: {error}") from error
        position = end + 1 if quoted else end
    return values


def _skipped(text: str, position: int) -> int:
    """Where the next assignment begins, behind blank lines and comments."""
    while position < len(text):
        if text[position] == "#":
            position = _line_end(text, position)
        elif text[position] in _TRAILING:
            position += 1
        else:
            break
    return position


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value(raw: str, variables: Mapping[str, str]) -> str:
    """What C(raw) means, which begins with its quote if it has one and does not have the one that closes it."""
    if raw[:1] == "'":
        return raw[1:].replace("\\'", "'")
    if raw[:1] == '"':
        return interpolate(_ESCAPE.sub(_unescaped, raw[1:]), variables)
    return interpolate(raw.split(" #", maxsplit=1)[0].rstrip(_TRAILING), variables)


def _closing(text: str, start: int) -> int | None:
    """The position of the quote that closes the one at C(start); a backslash before it makes it a character."""
    position = start + 1
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == text[start]:
            return position
        position += 1
    return None


def _unescaped(match: re.Match[str]) -> str:
    escape = match.group(1)
    if escape.startswith("0"):
        return chr(int(escape, 8)) if _OCTAL.fullmatch(escape) else f"\\{escape[1:]}"
    return _ESCAPES.get(escape, escape)
