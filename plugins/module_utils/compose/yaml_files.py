# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Reading YAML files of a project; the library is there on every controller, not on every managed host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError

try:
    import yaml
except ImportError:
    YAML_AVAILABLE = False
else:
    YAML_AVAILABLE = True

    class _ComposeLoader(yaml.SafeLoader):
        """Plain data; of Compose's own tags (C(!reset), C(!override)) only the value."""

    def _untagged(loader: _ComposeLoader, _suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None

    _ComposeLoader.add_multi_constructor("!", _untagged)


def read_yaml(path: Path) -> Any:
    """The one document in C(path); C(None) when it is empty. DeliveryError names the file, the line and the reason."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryError(f"'{path}' cannot be read: {error}") from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> Any:
    """Like read_yaml(), for text that was read already."""
    if not YAML_AVAILABLE:
        raise DeliveryError(f"'{path}' cannot be read without the Python library PyYAML: install it")
    try:
        return yaml.load(text, _ComposeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DeliveryError(f"'{path}'{line} is not valid YAML: {reason}") from error
