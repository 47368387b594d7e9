# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""A Compose project as Compose itself resolves it: interpolated, extended, merged, profiles applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from ..core.names import nearest
from .command import Compose, NoSuchServiceError, compose_available, run_config, service_names
from .contents import ask_values, contents, from_variables
from .location import check_project_name, locate
from .scope import Step
from .stack_dialect import read_stack_file

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """A resolved project. Its strings mean what they say: no variable is left and no C($) is doubled.

    C(services) maps a service's name to its definition in Compose's canonical (long) form, C(document) is the whole
    file likewise. C(contents) holds what configs and secrets will contain, by section (C(configs) or C(secrets)) and
    key. C(warnings) is what Compose had to say, one sentence each.
    """

    name: str
    directory: str
    files: tuple[str, ...]
    services: Mapping[str, Document] = field(repr=False)
    document: Document = field(repr=False)
    contents: Mapping[tuple[str, str], bytes] = field(repr=False)
    warnings: tuple[str, ...] = ()

    def service(self, name: str, option: str = "target") -> Document:
        """The definition of one service; DeliveryError names the C(option), the nearest name and all there are."""
        if name not in self.services:
            raise _unknown_service(option, name, self.services, ", ".join(self.files))
        return self.services[name]


def load_project(
    project_src: str,
    *,
    files: Sequence[str] = (),
    services: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    profiles: Sequence[str] = (),
    project_name: str | None = None,
    env_scopes: Mapping[str, Sequence[Step]] | None = None,
    compose_command: Sequence[str] = ("docker", "compose"),
    timeout: float = 30.0,
) -> ComposeProject:
    """Resolve the Compose project in the directory C(project_src).

    C(files) are relative to that directory; without any the files that Compose would take. As in Compose, relative
    paths, C(.env) and the default name belong to the directory of the first file. C(services), the target
    first, limits the result to these and what they depend on, and activates their profiles, as naming a service does
    in Compose; without any, all services of the active C(profiles). C(env) holds the interpolation variables; C(.env)
    of the project applies beneath them, nothing else of this process' environment does. C(project_name) overrides
    C(COMPOSE_PROJECT_NAME), the file's C(name) and the directory's name, in this order. C(env_scopes) are the scopes
    that project_files() found. C(timeout) in seconds bounds
    each call of C(compose_command).

    Without the Compose plugin only files in the stack dialect are accepted. Raises DeliveryError.
    """
    location = locate(project_src, files, env)
    paths, command, wanted = location.files, tuple(compose_command), list(dict.fromkeys(services))
    if compose_available(command):
        compose = Compose(command, location.root, paths, location.given, timeout)
        try:
            document, warnings = run_config(compose, project_name, profiles=profiles, services=wanted)
        except NoSuchServiceError as missing:
            raise _missing_service(missing.name, wanted, service_names(compose, project_name), paths) from missing
        variables = from_variables(document, services)
        values = ask_values(compose, location.base, variables, env_scopes or {})
    else:
        document = read_stack_file(paths, location.base, location.variables, project_name or location.name())
        warnings = ()
        for name in wanted:
            if name not in document["services"]:
                raise _missing_service(name, wanted, list(document["services"]), paths)
        variables = from_variables(document, services)
        values = {key: location.variables.get(name) for key, name in variables.items()}
    return ComposeProject(
        name=check_project_name(str(document.get("name", "")), None if project_name else location.base),
        directory=str(location.root),
        files=tuple(str(path) for path in paths),
        services=document.get("services") or {},
        document=document,
        contents=contents(document, services, values),
        warnings=warnings,
    )


def _missing_service(name: str, wanted: Sequence[str], known: Sequence[str], files: Sequence[Path]) -> DeliveryError:
    where = ", ".join(str(path) for path in files)
    if name in wanted:
        return _unknown_service("target" if name == wanted[0] else "side_targets", name, known, where)
    if name in known:
        return DeliveryError(
            f"service '{name}', which {' or '.join(wanted)} depends on, belongs to a profile that is not active in "
            f"{where}: add its profile to profiles"
        )
    return DeliveryError(f"service '{name}', which {' or '.join(wanted)} depends on, is not in {where}: add it there")


def _unknown_service(option: str, name: str, known: Iterable[str], where: str) -> DeliveryError:
    names = sorted(known)
    return DeliveryError(
        f"{option} '{name}' is no service of {where}{nearest(name, names)}: available are {', '.join(names) or 'none'}"
    )
