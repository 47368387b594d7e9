# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The files of a Compose project: which ones Compose reads by default, and what their variables mean."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import DeliveryError
from ..syntax.dotenv import read_dotenv

# In Compose's own order of preference.
DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
DEFAULT_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)

_TRUE = ("1", "t", "true")


def find_files(project_src: str, files: Sequence[str] = (), env: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The Compose files of the project in the directory C(project_src), as absolute paths, in the order Compose merges.

    C(files) are paths relative to the directory. Without any, C(COMPOSE_FILE) of C(env) or C(.env) is followed, else
    the first of C(DEFAULT_FILES) is taken, together with the first of C(DEFAULT_OVERRIDES). Raises DeliveryError when
    the directory or a file does not exist.
    """
    directory = Path(project_src).absolute()
    if not directory.is_dir():
        raise DeliveryError(f"project_src '{project_src}' is no directory: name the one that holds the Compose file")
    wanted = list(files) or _compose_file_variable(directory, env or {})
    if wanted:
        paths = tuple(Path(os.path.normpath(directory / name)) for name in wanted)
        for name, path in zip(wanted, paths, strict=True):
            if not path.is_file():
                raise DeliveryError(f"Compose file '{name}' does not exist in {directory}: correct compose_path")
        return paths
    found = next((directory / name for name in DEFAULT_FILES if (directory / name).is_file()), None)
    if found is None:
        raise DeliveryError(
            f"no Compose file in project_src '{directory}': none of {', '.join(DEFAULT_FILES)} is there; "
            f"set project_src to the project's directory or compose_path to the file"
        )
    # Whatever the main file is called: Compose looks for the two independently.
    override = next((directory / name for name in DEFAULT_OVERRIDES if (directory / name).is_file()), None)
    return (found,) if override is None else (found, override)


def project_variables(directory: Path, root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What a Compose file's variables mean: those of variable_files(), overridden by C(env)."""
    own: dict[str, str] = {}
    for path in variable_files(directory, root, env):
        own |= read_dotenv(path, {**own, **env})
    return {**own, **env}


def variable_files(directory: Path, root: Path, env: Mapping[str, str]) -> list[Path]:
    """Where Compose looks for variables: C(.env) of C(directory), or what C(COMPOSE_ENV_FILES) of C(env) names.

    C(root) is where Compose is called.
    """
    if named := env.get("COMPOSE_ENV_FILES"):
        return [Path(os.path.normpath(root / name)) for name in named.split(",")]
    return [] if env.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in _TRUE else [directory / ".env"]


def _compose_file_variable(root: Path, env: Mapping[str, str]) -> list[str]:
    variables = project_variables(root, root, env)
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
    return [name for name in variables.get("COMPOSE_FILE", "").split(separator) if name]
