# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a flow is asked for: the settings that its sources give, completed and checked.

Later wins: the default, C(docker-flow.yml) in the project directory, C(FLOW_*) environment variables, variables of the
inventory and of plays, extra vars.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.errors import DeliveryError
from ..core.names import check_dns_label, check_service_name, check_target_name, nearest, refuse_unfit_target
from ..routes.rules import check_token
from .declaration import OBSOLETE, SETTINGS
from .flow import check_flow
from .values import convert, refuse_lost_text

FILE_NAME = "docker-flow.yml"
PREFIX = "flow_"
# How alike, of 1, an extra var and a setting are when one is taken for a mistyped other.
_TYPING_ERROR = 0.87
_RESEMBLANCE = 0.75
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def resolve_settings(
    *,
    file: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    inventory: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All settings by name, each from the last source that has it.

    C(file) is the content of C(docker-flow.yml); C(environ) the whole environment, of which C(FLOW) and C(FLOW_*) are
    read; C(inventory) and C(extra) all variables from there, of which only settings are read. Raises DeliveryError for
    unknown and obsolete names, values of the wrong type, unknown stages, a harmful order, and a missing target.
    """
    given: dict[str, tuple[str, Any]] = {}
    for source, values in (
        (FILE_NAME, _from_file(file or {})),
        ("", _from_environment(environ or {})),
        ("", _from_variables(inventory or {}, extra=False)),
        ("", _from_variables(extra or {}, extra=True)),
    ):
        for name, (shown, value) in values.items():
            given[name] = (f"{shown} in {source}" if source else shown, value)
    settings: dict[str, Any] = {}
    for setting in SETTINGS:
        shown, value = given.get(setting.name, (setting.name, setting.default))
        settings[setting.name] = convert(shown, setting.kind, value, setting.choices, setting.minimum)
    _check(settings, {name: shown for name, (shown, _value) in given.items()})
    return settings


def setting_variables(names: Iterable[str], *, extra: bool) -> list[str]:
    """Which of C(names), names of Ansible variables, are settings.

    Among C(extra) vars that is every setting, with or without C(flow_). Elsewhere names that are generic count only
    with the prefix. Raises DeliveryError for an extra var that is nearly a setting, and for any name that begins with
    C(flow_) and resembles one.
    """
    found: list[str] = []
    for name in names:
        setting = _BY_NAME.get(name.removeprefix(PREFIX))
        if setting is not None and (extra or name.startswith(PREFIX) or not setting.generic):
            found.append(name)
        elif name.startswith(PREFIX) and name not in _BY_NAME:
            _refuse_lookalike(name, extra=extra)
        elif extra and name in OBSOLETE:
            raise _obsolete(name, name)
        elif extra and difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=_TYPING_ERROR):
            raise DeliveryError(f"extra var {name} is no setting{nearest(name, _BY_NAME)}: correct or rename it")
    return found


def refuse_lost_texts(variables: Mapping[str, Any]) -> None:
    """Raise DeliveryError where YAML made a number, a flag or a date of a setting's text, so that the text is lost.

    C(variables) are Ansible's own, by names that setting_variables() found, before any template in them was filled in.
    """
    for name, value in variables.items():
        setting = _BY_NAME[name.removeprefix(PREFIX)]
        refuse_lost_text(name, setting.kind, value, secret=setting.secret)


def _from_file(values: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    for name in values:
        _refuse_unknown(str(name), f"{name} in {FILE_NAME}", _BY_NAME)
    return {name: (name, value) for name, value in values.items() if value is not None}


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    result: dict[str, tuple[str, Any]] = {}
    # Docker Flow reads its list of stages from FLOW as well.
    if environ.get("FLOW"):
        result["flow"] = ("FLOW", environ["FLOW"])
    known = {f"FLOW_{name.upper()}": name for name in _BY_NAME}
    for variable, value in environ.items():
        if not variable.startswith("FLOW_"):
            continue
        _refuse_unknown(variable.removeprefix("FLOW_").lower(), variable, known, variable)
        # An empty variable is how shells and CI systems unset one.
        if value:
            result[known[variable]] = (variable, value)
    return result


def _from_variables(variables: Mapping[str, Any], *, extra: bool) -> dict[str, tuple[str, Any]]:
    names = setting_variables(variables, extra=extra)
    for name in names:
        # Whoever names another target with a shell variable that is not set must not get the file's.
        if extra and name.removeprefix(PREFIX) == "target" and not variables[name]:
            raise DeliveryError(
                f"{name} is missing: it was given without a value, name the service to release or leave it"
            )
    # Sorted so that the prefixed form, which is explicit, comes last and wins.
    names.sort(key=lambda name: name.startswith(PREFIX))
    return {name.removeprefix(PREFIX): (name, variables[name]) for name in names if variables[name] not in (None, "")}


def _refuse_unknown(name: str, shown: str, known: Mapping[str, Any], spelling: str | None = None) -> None:
    if name in OBSOLETE:
        raise _obsolete(name, shown)
    if (spelling or name) not in known:
        raise DeliveryError(f"{shown} is no setting{nearest(spelling or name, known)}: correct or remove it")


def _refuse_lookalike(name: str, *, extra: bool) -> None:
    """A variable with our prefix may be the user's own, unless it looks like a setting or is an extra var."""
    bare = name.removeprefix(PREFIX)
    if bare in OBSOLETE:
        raise _obsolete(bare, name)
    # Compared without the prefix, which makes everything look alike.
    close = difflib.get_close_matches(bare, _BY_NAME, n=1, cutoff=_RESEMBLANCE)
    if extra or close:
        hint = f" (did you mean '{PREFIX}{close[0]}'?)" if close else ""
        raise DeliveryError(f"variable {name} is no setting{hint}: correct or rename it")


def _obsolete(name: str, shown: str) -> DeliveryError:
    return DeliveryError(f"{shown} is not used any more: {OBSOLETE[name]}")


def _check(settings: Mapping[str, Any], shown: Mapping[str, str]) -> None:
    """What holds between values, and what a type does not say."""
    if not settings["target"]:
        raise DeliveryError(
            f"target is missing: name the Compose service to release, -e target=app or target in {FILE_NAME}"
        )
    if settings["project"] is not None:
        check_dns_label(shown.get("project", "project"), settings["project"])
    if settings["service_name"]:
        check_service_name(shown["service_name"], settings["service_name"])
        check_target_name(shown.get("target", "target"), settings["target"])
    else:
        refuse_unfit_target(shown.get("target", "target"), settings["target"], settings["project"])
    for option in ("service_path", "check_path", "front_door_path"):
        value = settings[option]
        for path in [value] if isinstance(value, str) else value or ():
            if not path.startswith("/"):
                raise DeliveryError(f"{shown.get(option, option)} '{path}' has no leading slash: write '/{path}'")
    if settings["preview_token"] is not None:
        check_token(settings["preview_token"], shown["preview_token"])
    if settings["target_port"] is not None and settings["target_port"] > 65535:
        raise DeliveryError(f"{shown['target_port']} {settings['target_port']} is no port: ports end at 65535")
    if settings["max_scale"] is not None and settings["max_scale"] < settings["min_scale"]:
        raise DeliveryError(
            f"max_scale {settings['max_scale']} is below min_scale {settings['min_scale']}: raise it or lower min_scale"
        )
    check_flow(settings["flow"], shown.get("flow", "flow"))
