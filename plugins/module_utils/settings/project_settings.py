# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The settings of a flow together with what its project says and needs, gathered on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..compose.files import DEFAULT_FILES
from ..compose.inputs import project_files
from ..compose.location import check_project_name, locate
from ..core.errors import DeliveryError
from ..core.names import service_name
from .encrypted_files import encrypted_files, refuse_encrypted
from .flow_file import Decrypt, no_vault, read_flow_file
from .resolution import FILE_NAME, PREFIX, resolve_settings


def project_settings(
    project_src: str | None,
    *,
    environ: Mapping[str, str],
    inventory: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    decrypt: Decrypt = no_vault,
) -> dict[str, Any]:
    """All settings by name, as resolve_settings() gives them, completed from the project in C(project_src).

    Without C(project_src) the project is that of the working directory. C(project) and C(compose_path) are always
    filled in, C(test_tasks) is absolute. C(env) holds, beneath the setting of that name, those variables of C(environ)
    that the project's files refer to; where C(COMPOSE_FILE) of C(.env) led to another directory, of that C(.env) too.
    C(decrypt) makes text of what Ansible Vault encrypted in docker-flow.yml.

    Further keys: C(project_src), absolute; C(service), the name in Consul; C(project_files), paths relative to the
    directory; C(encrypted_files), those of them that must be decrypted on their way; and C(env_scopes), what
    ProjectFiles calls C(scopes). Raises DeliveryError.
    """
    root = Path(project_src).expanduser().absolute() if project_src else working_directory(environ)
    if not project_src and not _is_project(root) and not _names_a_file(environ, inventory, extra):
        raise DeliveryError(
            f"no project was found in the working directory '{root}', neither {FILE_NAME} nor a Compose file "
            f"({', '.join(DEFAULT_FILES)}): change to the project's directory, or name it with project_src"
        )
    file = read_flow_file(root, decrypt)
    settings = resolve_settings(file=file, environ=environ, inventory=inventory, extra=extra)
    refuse_encrypted([root / ".env"])
    location = locate(str(root), settings["compose_path"], {**environ, **settings["env"]})
    refuse_encrypted([location.base / ".env", *location.files])
    needed = project_files(location)
    # What the manager would find again is handed over: the files, the name, and the variables that they refer to.
    handed = {name: location.given[name] for name in needed.variables if name in location.given}
    settings["env"] = {**handed, **settings["env"]}
    settings["compose_path"] = [str(path.relative_to(root)) for path in location.files]
    # Named after the project's directory, also where the Compose file lies in one below it.
    settings["project"] = settings["project"] or check_project_name(location.name(needed.names, after=root), root)
    settings["service"] = service_name(settings["project"], settings["target"], settings["service_name"])
    settings["project_src"] = str(root)
    settings["project_files"] = list(needed.paths)
    settings["env_scopes"] = {key: list(steps) for key, steps in needed.scopes.items()}
    settings["encrypted_files"] = encrypted_files(root, needed.paths)
    if settings["test_tasks"]:
        settings["test_tasks"] = str(_test_tasks(root, settings["test_tasks"]))
    return settings


def working_directory(environ: Mapping[str, str]) -> Path:
    """Where the command was given, by the name that its shell knows, as Compose takes it.

    C(PWD) alone is no evidence: sudo takes it away, and what one program starts elsewhere inherits that of the program.
    """
    here, named = Path.cwd(), Path(environ.get("PWD", ""))
    return named if named.is_absolute() and named.is_dir() and named.samefile(here) else here


def _is_project(root: Path) -> bool:
    """Whether a directory looks like one: its settings, a Compose file, or an C(.env) that may name another one."""
    return any((root / name).is_file() for name in (FILE_NAME, *DEFAULT_FILES, ".env"))


def _names_a_file(environ: Mapping[str, str], *variables: Mapping[str, Any] | None) -> bool:
    """Whether the Compose file is said without any file of the project."""
    names = ("compose_path", f"{PREFIX}compose_path")
    return bool(
        environ.get("COMPOSE_FILE")
        or environ.get("FLOW_COMPOSE_PATH")
        or any((given or {}).get(name) for given in variables for name in names)
    )


def _test_tasks(root: Path, name: str) -> Path:
    """The file, which is looked for before the first stage: a release must not stop half-way for a misspelt name."""
    path = root / Path(name).expanduser()
    if not path.is_file():
        raise DeliveryError(f"test_tasks '{name}': there is no file '{path}': correct the name")
    return path
