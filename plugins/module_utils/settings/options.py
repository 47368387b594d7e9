# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the settings mean for modules: the specs of their options, and the values these are called with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .declaration import SETTINGS, Setting
from .values import Kind

_TYPES: Mapping[Kind, Mapping[str, str]] = {
    "text": {"type": "str"},
    "list": {"type": "list", "elements": "str"},
    "flag": {"type": "bool"},
    "number": {"type": "int"},
    "mapping": {"type": "dict"},
}


def setting_arguments(module: str) -> dict[str, dict[str, Any]]:
    """The argument specs of those options of C(module) that get a setting, by the name of the option.

    None is required; a module that cannot do without one says so itself.
    """
    return {option: _argument(setting) for name, option, setting in _plumbing() if name == module}


def module_options(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By the name of a module, its options by their names with the values that C(settings) gives them.

    What is not set, C(None) or an empty text, is left out, so that the module's own default holds. A list that is not
    set is empty: a setting that somebody took out again has an effect. Every module that gets any setting is there.
    """
    options: dict[str, dict[str, Any]] = {}
    for module, option, setting in _plumbing():
        given = options.setdefault(module, {})
        value = settings[setting.name]
        if value is None and setting.kind == "list":
            value = []
        if value not in (None, ""):
            given[option] = value
    return options


def _plumbing() -> Iterator[tuple[str, str, Setting]]:
    for setting in SETTINGS:
        for place in setting.to:
            module, _dot, option = place.partition(".")
            yield module, option or setting.name, setting


def _argument(setting: Setting) -> dict[str, Any]:
    argument: dict[str, Any] = dict(_TYPES[setting.kind])
    if setting.default is not None:
        argument["default"] = setting.default
    if setting.choices:
        argument["choices"] = list(setting.choices)
    if setting.secret:
        argument["no_log"] = True
    return argument
