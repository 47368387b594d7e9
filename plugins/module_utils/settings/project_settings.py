# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The settings of a flow together with what its project says and needs, gathered on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..compose.inputs import project_files
from ..compose.location import check_project_name, locate
from ..compose.yaml_files import read_yaml
from ..core.errors import DeliveryError
from ..core.names import service_name
from .resolution import FILE_NAME, resolve_settings


def project_settings(
    project_src: str,
    *,
    environ: Mapping[str, str],
    inventory: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All settings by name, as resolve_settings() gives them, completed from the project in C(project_src).

    C(project) and C(compose_path) are always filled in, C(test_tasks) is absolute. C(env) holds, beneath the setting of
    that name, those variables of C(environ) that the project's files refer to; where C(COMPOSE_FILE) of C(.env) led to
    another directory, of that C(.env) too. Further keys: C(service), the name in
    Consul, C(project_files), paths relative to the directory, and C(env_scopes), what ProjectFiles calls C(scopes).
    Raises DeliveryError.
    """
    root = Path(project_src).expanduser().absolute()
    settings = resolve_settings(file=read_flow_file(root), environ=environ, inventory=inventory, extra=extra)
    location = locate(str(root), settings["compose_path"], {**environ, **settings["env"]})
    needed = project_files(location)
    # What the manager would find again is handed over: the files, the name, and the variables that they refer to.
    handed = {name: location.given[name] for name in needed.variables if name in location.given}
    settings["env"] = {**handed, **settings["env"]}
    settings["compose_path"] = [str(path.relative_to(root)) for path in location.files]
    # Named after the project's directory, also where the Compose file lies in one below it.
    settings["project"] = settings["project"] or check_project_name(location.name(needed.names, after=root), root)
    settings["service"] = service_name(settings["project"], settings["target"])
    settings["project_files"] = list(needed.paths)
    settings["env_scopes"] = {key: list(steps) for key, steps in needed.scopes.items()}
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
