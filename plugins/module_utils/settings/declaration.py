# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The settings of a flow: names, types, defaults, and where they come from.

Later wins: the default, C(docker-flow.yml) in the project directory, C(FLOW_*) environment variables, variables of the
inventory and of plays, extra vars.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import DeliveryError
from ..core.names import check_dns_label, nearest
from ..routes.rules import check_token
from .flow import DEFAULT_FLOW, check_flow
from .values import Kind, convert

FILE_NAME = "docker-flow.yml"
PREFIX = "flow_"
# How alike, of 1, an extra var and a setting are when one is taken for a mistyped other.
_TYPING_ERROR = 0.87
_RESEMBLANCE = 0.75


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. C(inherited) tells those that Docker Flow had under the same name.

    A C(generic) name means other things in many inventories, so there it is read only with the prefix C(flow_).
    C(choices) empty: anything of the kind. C(minimum) bounds numbers.
    """

    name: str
    kind: Kind
    default: Any
    meaning: str
    inherited: bool = False
    generic: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None


SETTINGS: tuple[Setting, ...] = (
    Setting("target", "text", None, "the Compose service that is released", inherited=True),
    Setting("side_targets", "list", [], "services that are brought up with it, without a colour", inherited=True),
    Setting(
        "project", "text", None, "Compose project; by default what Compose would call it", inherited=True, generic=True
    ),
    Setting("compose_path", "list", [], "Compose files in the project directory", inherited=True),
    Setting("flow", "list", list(DEFAULT_FLOW), "stages, in this order", inherited=True),
    Setting("blue_green", "flag", True, "two colours; false updates the service in place", inherited=True),
    Setting("scale", "text", None, "instances: 5, +2, -1, 50%, x1.5", inherited=True, generic=True),
    Setting("service_path", "list", [], "paths of the service, each with a leading slash", inherited=True),
    Setting("pull_side_targets", "flag", False, "also renew the side targets", inherited=True),
    Setting("service_domain", "list", None, "host names of the service; none means any"),
    Setting("check_path", "text", None, "path of the proxies' health check; by default the first service_path"),
    Setting("front_door_path", "text", None, "path that is asked for through every proxy after the flip"),
    Setting("target_port", "number", None, "container port that users get; by default the first", minimum=1),
    Setting("timeout_server", "number", None, "seconds that an instance may take to answer", minimum=1),
    Setting("retries", "number", None, "how often a proxy tries an instance again", generic=True, minimum=0),
    Setting("profiles", "list", [], "active Compose profiles", generic=True),
    Setting("env", "mapping", {}, "variables for the Compose file", generic=True),
    Setting(
        "scale_which", "text", "live", "the colour that stage scale changes", choices=("live", "candidate", "both")
    ),
    Setting("min_scale", "number", 1, "fewest instances that scale may give", minimum=0),
    Setting("max_scale", "number", None, "most instances that scale may give", minimum=1),
    Setting("force", "flag", False, "deploy even what is live already", generic=True),
    Setting("with_registry_auth", "flag", False, "give the nodes this user's credentials for registries"),
    Setting("timeout", "number", 300, "seconds until every new instance must be healthy", generic=True, minimum=1),
    Setting("proxy_timeout", "number", 60, "seconds until every proxy must confirm", minimum=1),
    Setting("drain_timeout", "number", 60, "seconds to wait for open requests of what is stopped", minimum=0),
    Setting("stop_timeout", "number", 120, "seconds for containers to end", minimum=1),
    Setting("keep_warm", "number", 0, "seconds that the old release stays up after the flip", minimum=0),
    Setting("test_tasks", "text", None, "file of tasks, in the project directory, that tests the candidate"),
    Setting("test_timeout", "number", 600, "seconds that the tests may take", minimum=1),
    Setting(
        "preview_token", "text", None, "secret that opens the candidate to the tests; by default a new one each time"
    ),
    Setting("max_failures", "number", 3, "how many new instances may end by themselves", minimum=0),
    Setting("lock_wait", "number", 75, "seconds to wait for another run of the target", minimum=0),
    Setting("take_over", "flag", False, "end the run that holds the lock"),
    Setting("exclude_proxies", "list", [], "members of the fleet that do not count"),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}

# What Docker Flow had and this collection does otherwise. The sentence follows "<name> is not used any more: ".
OBSOLETE: Mapping[str, str] = {
    "cert_path": "modules run on the manager itself, reached over SSH; set docker_host where that is not wanted",
    "consul_address": "set consul_addresses, a list, in the inventory",
    "consul_template_be_path": "write service_path, service_domain and check_path instead of a template",
    "consul_template_fe_path": "write service_path, service_domain and check_path instead of a template",
    "host": "the manager is the host of the inventory's group managers",
    "proxy_docker_cert_path": "list the proxies' hosts in the inventory's group proxies",
    "proxy_docker_host": "list the proxies' hosts in the inventory's group proxies",
    "proxy_host": "list the proxies' hosts in the inventory's group proxies, all of them are reconfigured",
    "proxy_reconf_port": "proxies have no control port, they read their routes from Consul",
    "servicename": "the service is always <project>-<target>, so set project",
    "test_compose_path": "name a file of tasks with test_tasks",
}


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
    check_dns_label(shown.get("target", "target"), settings["target"])
    if settings["project"] is not None:
        check_dns_label(shown.get("project", "project"), settings["project"])
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
