# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The files of a Compose project: which ones Compose reads by default, and the variables in C(.env)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import DeliveryError
from .variables import interpolate

# In Compose's own order of preference.
DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
DEFAULT_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]\s*(?P<value>.*)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


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


def read_dotenv(path: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The assignments in a C(.env) file; empty when there is none. Values may refer to C(env) and to earlier lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryError(f"'{path}' cannot be read: {error}") from error
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        match = _ASSIGNMENT.fullmatch(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        raw = match.group("value")
        while raw[:1] in ("'", '"') and _closing(raw) is None:
            following = next(lines, None)
            if following is None:
                raise DeliveryError(f"'{path}' has no closing quote for the value of {match.group('name')}")
            raw += "\n" + following
        values[match.group("name")] = _dotenv_value(raw, {**values, **(env or {})})
    return values


def _compose_file_variable(directory: Path, env: Mapping[str, str]) -> list[str]:
    variables = project_variables(str(directory), env)
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
    return [name for name in variables.get("COMPOSE_FILE", "").split(separator) if name]


def _closing(raw: str) -> int | None:
    """The position of the quote that closes the one that C(raw) begins with."""
    position = 1
    while position < len(raw):
        if raw[position] == "\\" and raw[0] == '"':
            position += 1
        elif raw[position] == raw[0]:
            return position
        position += 1
    return None


def _dotenv_value(raw: str, variables: Mapping[str, str]) -> str:
    if raw[:1] == "'":
        return raw[1 : _closing(raw)]
    if raw[:1] == '"':
        inner = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(1)), raw[1 : _closing(raw)])
        return interpolate(inner, variables)
    return interpolate(re.split(r"\s+#", raw, maxsplit=1)[0].strip(), variables)
