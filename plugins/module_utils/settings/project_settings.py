# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The settings of a flow together with what its project says and needs, gathered on the controller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..compose.files import find_files, project_variables
from ..compose.inputs import project_files
from ..compose.variables import interpolate
from ..compose.yaml_files import read_yaml
from ..core.errors import DeliveryError
from ..core.names import is_dns_label, service_name
from .declaration import FILE_NAME, resolve_settings


def project_settings(
    project_src: str,
    *,
    environ: Mapping[str, str],
    inventory: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All settings by name, as resolve_settings() gives them, completed from the project in C(project_src).

    C(project) and C(compose_path) are always filled in, C(test_tasks) is absolute. C(env) holds, beneath the setting of
    that name, those variables of C(environ) that the project's files refer to. Further keys: C(service), the name in
    Consul, and C(project_files), paths relative to the directory. Raises DeliveryError.
    """
    root = Path(project_src).expanduser().absolute()
    settings = resolve_settings(file=read_flow_file(root), environ=environ, inventory=inventory, extra=extra)
    known = {**environ, **settings["env"]}
    needed = project_files(str(root), settings["compose_path"], known)
    paths = find_files(str(root), settings["compose_path"], known)
    settings["env"] = {**{name: environ[name] for name in needed.variables if name in environ}, **settings["env"]}
    settings["compose_path"] = [str(path.relative_to(root)) for path in paths]
    variables = {**project_variables(str(root), known), **project_variables(str(paths[0].parent), known)}
    settings["project"] = settings["project"] or _project_name(root, needed.names, variables)
    settings["service"] = service_name(settings["project"], settings["target"])
    settings["project_files"] = list(needed.paths)
    if settings["test_tasks"]:
        settings["test_tasks"] = str(_test_tasks(root, settings["test_tasks"]))
    return settings


def read_flow_file(root: Path) -> dict[str, Any]:
    """The content of C(docker-flow.yml) in the project directory, empty when there is none."""
    path = root / FILE_NAME
    if not path.is_file():
        return {}
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DeliveryError(f"'{path}' holds no settings: write one per line, as target: app")
    return content


def _test_tasks(root: Path, name: str) -> Path:
    """The file, which is looked for before the first stage: a release must not stop half-way for a misspelt name."""
    path = root / Path(name).expanduser()
    if not path.is_file():
        raise DeliveryError(f"test_tasks '{name}': there is no file '{path}': correct the name")
    return path


def _project_name(root: Path, names: tuple[str, ...], variables: Mapping[str, str]) -> str:
    """What Compose would call the project, but after C(root) where the Compose file lies in a directory below it."""
    name = variables.get("COMPOSE_PROJECT_NAME") or (interpolate(names[-1], variables) if names else "")
    name = name or re.sub(r"[^a-z0-9_-]", "", root.name.lower()).lstrip("_-")
    if not is_dns_label(name):
        raise DeliveryError(
            f"project '{name}' (from the Compose file, .env or the directory {root.name}) is no valid DNS label, which "
            f"Consul and Swarm need: set project to a name of lower-case letters, digits and inner hyphens, at most "
            f"63 characters"
        )
    return name
