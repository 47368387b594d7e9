# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The files of a Compose project: which ones Compose reads by default, and what their variables mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import DeliveryError
from .dotenv import read_dotenv

# In Compose's own order of preference.
DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
DEFAULT_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


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
        paths = tuple(directory / name for name in wanted)
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


def project_variables(project_src: str, env: Mapping[str, str]) -> dict[str, str]:
    """What a Compose file's variables mean: C(.env) of the project directory, overridden by C(env)."""
    return {**read_dotenv(Path(project_src) / ".env", env), **env}


def _compose_file_variable(directory: Path, env: Mapping[str, str]) -> list[str]:
    variables = project_variables(str(directory), env)
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
    return [name for name in variables.get("COMPOSE_FILE", "").split(separator) if name]
