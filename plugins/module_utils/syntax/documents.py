# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""YAML files as Compose reads them: what it takes is not refused here, a refusal names file and line.

Compose and the Docker client use Go's YAML library, whose grammar is that of libyaml. PyYAML brings that parser too;
its own one, and its reading of values, differ. Every document of a file counts, Compose merges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from .scalars import scalar_value

try:
    import yaml
except ImportError:
    YAML_AVAILABLE = False
else:
    YAML_AVAILABLE = True

_STANDARD = "tag:yaml.org,2002:"
_TEXTS = ("!", f"{_STANDARD}str", f"{_STANDARD}binary")


def read_text(path: Path, what: str = "", errors: str = "strict") -> str:
    """The text of a file, without the mark that some editors put before it; C(errors) as for C(bytes.decode)."""
    try:
        return path.read_bytes().decode("utf-8-sig", errors)
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryError(f"{what} '{path}' cannot be read: {error}".lstrip()) from error


def parse_documents(text: str, path: Path, *, strict: bool = False) -> list[Any]:
    """All documents of C(text), which stands in C(path), as mappings, lists and scalars; empty ones are left out.

    Of Compose's own tags C(!reset) leaves C(None), C(!override) the value. A key that stands twice counts where it
    stands last, unless C(strict) refuses it. DeliveryError names the file, the line and the reason.
    """
    if not YAML_AVAILABLE:
        raise DeliveryError(f"'{path}' cannot be read without the Python library PyYAML: install it")
    try:
        events = yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return [document for document in _Reader(events, path, strict).documents() if document is not None]
    except yaml.YAMLError as error:
        raise not_yaml(path, text, error) from error
    except (ValueError, RecursionError) as error:
        raise _invalid(path, None, str(error)) from error


def not_yaml(source: Path | str, text: str, error: Exception) -> DeliveryError:
    """What PyYAML's C(error) about C(text), which stands in C(source), says to people."""
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    # To libyaml the end of a text is on a line of its own.
    line = min(mark.line, text.count("\n")) + 1 if mark else None
    return _invalid(source, line, reason)


def _invalid(path: Path | str, line: int | None, reason: str) -> DeliveryError:
    where = f"'{path}' line {line}" if line else f"'{path}'"
    return DeliveryError(f"{where} is not valid YAML: {reason}")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


@dataclass(slots=True)
class _Reader:
    """Makes values of the parser's events; PyYAML's own composer refuses an anchor that is given anew."""

    events: Iterator[Any]
    path: Path
    strict: bool
    anchors: dict[str, Any] = field(default_factory=dict)

    def documents(self) -> list[Any]:
        found = []
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                found.append(self.value(next(self.events)))
        return found

    def value(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise _invalid(self.path, _line(event), f"there is no '&{event.anchor}' before this alias")
            return self.anchors[event.anchor]
        # An anchor is known once its value is complete, so no value holds itself.
        value = self._fresh(event)
        if event.anchor:
            self.anchors[event.anchor] = value
        return None if event.tag == "!reset" else value

    def _fresh(self, event: Any) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping()
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                items.append(self.value(item))
            return items
        if event.tag is None:
            return scalar_value(event.value) if event.implicit[0] else event.value
        known = event.tag.startswith(_STANDARD) and event.tag not in _TEXTS
        return scalar_value(event.value) if known or event.tag == "!override" else event.value

    def _mapping(self) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            merges = isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]
            key = event.value if isinstance(event, yaml.ScalarEvent) else self.value(event)
            if isinstance(event, yaml.ScalarEvent) and event.anchor:
                self.anchors[event.anchor] = key
            value = self.value(next(self.events))
            if merges:
                # Of several the first counts, and before all of them what the mapping says itself.
                for other in value if isinstance(value, list) else [value]:
                    merged = {**(other if isinstance(other, dict) else {}), **merged}
            elif isinstance(key, (dict, list)):
                raise _invalid(self.path, _line(event), "a key must be a text: put it in quotes")
            elif self.strict and str(key) in own:
                raise _invalid(self.path, _line(event), f"the key '{key}' stands twice in one mapping: remove one")
            else:
                own[str(key)] = value
        return {**merged, **own}
