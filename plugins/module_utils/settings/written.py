# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""YAML and JSON read as written: every scalar is the text that stands there, whatever YAML would make of it.

C(NO), C(0123), C(1.10), C(12:30), C(2024-02-30) and C(=) are texts here. What a text means is for the setting to say
that it is given for, see values.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import DeliveryError
from ..syntax.documents import not_yaml

try:
    import yaml
except ImportError:
    YAML_AVAILABLE = False
else:
    YAML_AVAILABLE = True

    _TAG = "tag:yaml.org,2002:"
    # Nothing at all stays nothing, and a merge key (<<) is no name of a setting.
    _RESOLVED = {f"{_TAG}null", f"{_TAG}merge"}
    _TEXTS = ("str", "bool", "int", "float", "timestamp")

    class _TextLoader(yaml.SafeLoader):
        """Scalars are text; what is encrypted stays so, marked; a name may stand once."""

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            """Refuse a name that stands twice: YAML would take the last one without a word."""
            node: yaml.MappingNode = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key, _value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != f"{_TAG}merge":
                    if key.value in seen:
                        raise yaml.MarkedYAMLError(
                            problem=f"'{key.value}' stands there twice", problem_mark=key.start_mark
                        )
                    seen.add(key.value)
            return node

    def _text(loader: _TextLoader, node: Any) -> str:
        return str(loader.construct_scalar(node))

    def _encrypted(loader: _TextLoader, node: Any) -> Encrypted:
        return Encrypted(str(loader.construct_scalar(node)))

    def _unknown(_loader: _TextLoader, node: yaml.Node) -> Any:
        raise yaml.MarkedYAMLError(
            problem=f"tag '{node.tag.replace(_TAG, '!!')}' means nothing here, write the value itself",
            problem_mark=node.start_mark,
        )

    # PyYAML's own way to say which plain scalars have a type.
    _TextLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _RESOLVED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _TextLoader.yaml_constructors = {
        f"{_TAG}null": yaml.SafeLoader.construct_yaml_null,
        f"{_TAG}seq": yaml.SafeLoader.construct_yaml_seq,
        f"{_TAG}map": yaml.SafeLoader.construct_yaml_map,
        **{f"{_TAG}{name}": _text for name in _TEXTS},
        "!unsafe": _text,
        "!vault": _encrypted,
        "!vault-encrypted": _encrypted,
        None: _unknown,
    }


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A value that Ansible Vault encrypted, as it stands in the file."""

    ciphertext: str = field(repr=False)


def parse_written(text: str, source: str) -> Any:
    """The one document in C(text), C(None) when it is empty; DeliveryError names C(source), the line and the reason."""
    if not YAML_AVAILABLE:
        raise DeliveryError(f"'{source}' cannot be read without the Python library PyYAML: install it")
    try:
        return yaml.load(text, _TextLoader)
    except yaml.YAMLError as error:
        raise not_yaml(source, text, error) from error


def parse_written_json(text: str) -> Any:
    """JSON as written; ValueError when it is none. Some JSON is no YAML, so it is read by its own rules."""
    return _spelt(json.loads(text, parse_int=str, parse_float=str, parse_constant=str))


def decrypted(value: Any, decrypt: Callable[[str], str], where: str) -> Any:
    """C(value) with C(decrypt) applied to all that is encrypted in it; C(where) leads to it, for messages."""
    if isinstance(value, Encrypted):
        try:
            return decrypt(value.ciphertext)
        except DeliveryError as error:
            raise DeliveryError(f"{where} is encrypted with Ansible Vault and {error}") from error
    if isinstance(value, Mapping):
        return {name: decrypted(item, decrypt, f"'{name}' of {where}") for name, item in value.items()}
    if isinstance(value, list):
        return [decrypted(item, decrypt, where) for item in value]
    return value


def as_written(value: Any, written: Any) -> Any:
    """C(value), as Ansible read it, with the text that stands in C(written) for whatever YAML made no text of.

    What does not fit together stays as it is.
    """
    if isinstance(value, Mapping) and isinstance(written, Mapping) and len(value) == len(written):
        pairs = zip(value.items(), written.items(), strict=True)
        return {
            (name if isinstance(name, str) else text): as_written(item, other) for (name, item), (text, other) in pairs
        }
    if isinstance(value, list) and isinstance(written, list) and len(value) == len(written):
        return [as_written(item, other) for item, other in zip(value, written, strict=True)]
    # A text is Ansible's own: it may be a template.
    return written if isinstance(written, str) and not isinstance(value, (str, Mapping, list)) else value


def _spelt(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return {name: _spelt(item) for name, item in value.items()}
    return [_spelt(item) for item in value] if isinstance(value, list) else value
