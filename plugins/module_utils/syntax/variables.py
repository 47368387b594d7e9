# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Variables in Compose files: which ones a text refers to, and what it says once they are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..core.errors import DeliveryError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


@dataclass(frozen=True, slots=True)
class Reference:
    """One C($NAME) or C(${NAME<operator><word>}); the word may hold references of its own."""

    name: str
    operator: str = ""
    word: Template = ()


Template: TypeAlias = "tuple[str | Reference, ...]"


def parse_template(text: str) -> Template:
    """Split C(text) into literal pieces and references. C($$) is a literal dollar sign.

    Raises DeliveryError for a C(${) without its C(}) and for C(${) without a name.
    """
    return _parse(text, 0, nested=False)[0]


def referenced_variables(text: str) -> set[str]:
    """The names of all variables that C(text) refers to, those in default values too.

    Understands C($VAR), C(${VAR}), C(${VAR:-x}), C(${VAR-x}), C(${VAR:?x}), C(${VAR:+x}), nesting and C($$). Text that
    Compose would refuse names what could be read: saying what is wrong with it is left to Compose.
    """
    try:
        template = parse_template(text)
    except DeliveryError:
        return set(re.findall(r"(?<!\$)(?:\$\$)*\$\{?([A-Za-z_][A-Za-z0-9_]*)", text))
    return _names(template)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """C(text) with its references replaced, by the rules of Compose; an unset variable is empty.

    Raises DeliveryError with the message of a C(${VAR:?message}) whose variable is missing.
    """
    return _fill(parse_template(text), variables)


def _parse(text: str, position: int, *, nested: bool) -> tuple[Template, int]:
    pieces: list[str | Reference] = []
    literal: list[str] = []
    while position < len(text):
        character = text[position]
        if nested and character == "}":
            break
        if character != "$":
            literal.append(character)
            position += 1
            continue
        following = text[position + 1 : position + 2]
        if following == "$":
            literal.append("$")
            position += 2
            continue
        reference: Reference | None = None
        if following == "{":
            reference, position = _braced(text, position)
        elif (match := _NAME.match(text, position + 1)) is not None:
            reference, position = Reference(match.group()), match.end()
        if reference is None:
            literal.append("$")
            position += 1
            continue
        if literal:
            pieces.append("".join(literal))
            literal = []
        pieces.append(reference)
    if literal:
        pieces.append("".join(literal))
    return tuple(pieces), position


def _braced(text: str, start: int) -> tuple[Reference, int]:
    """The reference that begins with the C(${) at C(start), and the position behind its C(})."""
    match = _NAME.match(text, start + 2)
    if match is None:
        raise DeliveryError(
            f"'{_excerpt(text, start)}' holds '${{' without a variable's name: write '$${{' for the text"
        )
    position = match.end()
    operator = _OPERATOR.match(text, position)
    word: Template = ()
    if operator is not None:
        word, position = _parse(text, operator.end(), nested=True)
    if text[position : position + 1] != "}":
        raise DeliveryError(f"'{_excerpt(text, start)}' holds a '${{' that no '}}' closes")
    return Reference(match.group(), operator.group() if operator else "", word), position + 1


def _excerpt(text: str, start: int) -> str:
    return text[start : start + 40].splitlines()[0]


def _names(template: Template) -> set[str]:
    found: set[str] = set()
    for piece in template:
        if isinstance(piece, Reference):
            found |= {piece.name} | _names(piece.word)
    return found


def _fill(template: Template, variables: Mapping[str, str]) -> str:
    return "".join(piece if isinstance(piece, str) else _value(piece, variables) for piece in template)


def _value(reference: Reference, variables: Mapping[str, str]) -> str:
    value = variables.get(reference.name)
    # With a colon an empty value counts as missing.
    present = bool(value) if reference.operator.startswith(":") else value is not None
    match reference.operator[-1:]:
        case "+":
            return _fill(reference.word, variables) if present else ""
        case "-" if not present:
            return _fill(reference.word, variables)
        case "?" if not present:
            reason = _fill(reference.word, variables) or "the Compose file needs it"
            raise DeliveryError(f"variable '{reference.name}' is not set: {reason}")
    return value or ""
