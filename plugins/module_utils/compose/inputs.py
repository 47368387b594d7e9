# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a project needs from the machine it is deployed from: its files, and the variables that these refer to."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from .location import Location
from .variables import interpolate, referenced_variables
from .yaml_files import parse_yaml

# Compose reads these from the environment itself.
_COMPOSE_VARIABLES = frozenset({"COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"})
_REMOTE = ("://", "git@")


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """C(paths) are relative to the project directory and sorted; C(variables) are names; C(names) what the Compose
    files themselves say under C(name), the one that counts last."""

    paths: tuple[str, ...]
    variables: frozenset[str]
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Search:
    root: Path
    values: Mapping[str, str]
    found: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    visited: set[Path] = field(default_factory=set)


def project_files(location: Location) -> ProjectFiles:
    """Every file of the project that Compose reads, and every variable that these refer to.

    Compose files with their override, what they C(extend) and C(include), C(.env), C(env_file), C(label_file), and the
    files of configs and secrets. Files that do not exist are left out: Compose says what misses them. Absolute paths
    are left out as well, because they name a place on the manager. Raises DeliveryError for a path that leaves the
    project directory, and for YAML that cannot be read.
    """
    search = _Search(location.root, location.variables)
    for directory in dict.fromkeys((location.base, location.root)):
        _text_file(search, directory / ".env", "variables of the project")
    for path in location.files:
        _compose_file(search, path, location.base, "Compose file")
    return ProjectFiles(
        paths=tuple(sorted(search.found)),
        variables=frozenset(search.variables | _COMPOSE_VARIABLES),
        names=tuple(search.names),
    )


def _compose_file(search: _Search, path: Path, base: Path, what: str) -> None:
    """Take up C(path), whose relative paths begin at C(base), and all that it refers to."""
    if path in search.visited:
        return
    search.visited.add(path)
    text = _text_file(search, path, what)
    if text is None:
        return
    document = parse_yaml(text, path)
    if not isinstance(document, dict):
        return
    if isinstance(document.get("name"), str):
        search.names.append(document["name"])
    for entry in _entries(document.get("include")):
        _include(search, entry, base)
    services = document.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        if isinstance(service, dict):
            _service(search, str(name), service, base)
    for section in ("configs", "secrets"):
        definitions = document.get(section)
        for name, definition in definitions.items() if isinstance(definitions, dict) else ():
            if isinstance(definition, dict):
                if isinstance(definition.get("environment"), str):
                    search.variables.add(definition["environment"])
                for reference in _entries(definition.get("file")):
                    _add(search, reference, base, f"{section[:-1]} '{name}'")


def _service(search: _Search, name: str, service: dict[str, Any], base: Path) -> None:
    extends = service.get("extends")
    if isinstance(extends, dict) and isinstance(extends.get("file"), str):
        path = _resolve(search, extends["file"], base)
        if path is not None:
            _compose_file(search, path, path.parent, f"extends of service '{name}'")
    for key in ("env_file", "label_file"):
        for entry in _entries(service.get(key)):
            reference = entry.get("path") if isinstance(entry, dict) else entry
            path = _resolve(search, reference, base)
            if path is not None:
                text = _text_file(search, path, f"{key} of service '{name}'")
                # A line without a value takes it from the environment.
                search.variables |= {line.strip() for line in (text or "").splitlines() if line.strip().isidentifier()}
    environment = service.get("environment")
    if isinstance(environment, dict):
        search.variables |= {str(key) for key, value in environment.items() if value is None}
    elif isinstance(environment, list):
        search.variables |= {str(item) for item in environment if "=" not in str(item)}


def _include(search: _Search, entry: Any, base: Path) -> None:
    options = entry if isinstance(entry, dict) else {"path": entry}
    paths = [path for item in _entries(options.get("path")) if (path := _resolve(search, item, base)) is not None]
    if not paths:
        return
    directory = paths[0].parent
    if options.get("project_directory"):
        directory = _resolve(search, options["project_directory"], base) or directory
    for path in paths:
        _compose_file(search, path, directory, "included file")
    given = [_resolve(search, item, base) for item in _entries(options.get("env_file"))]
    for path in given or [directory / ".env"]:
        if path is not None:
            _text_file(search, path, "variables of an included file")


def _resolve(search: _Search, reference: Any, base: Path) -> Path | None:
    """The path that a file names, C(None) for one on the manager, one from the network, or none at all."""
    if not isinstance(reference, str):
        return None
    try:
        text = interpolate(reference, search.values)
    except DeliveryError:
        return None  # Compose says it better, with the service's name
    if text.startswith(f"{search.root}/"):
        raise DeliveryError(
            f"the Compose file names '{text}', which is another path on the manager: write it relative to the project"
        )
    if not text or text.startswith(("/", "~")) or any(mark in text for mark in _REMOTE):
        return None
    return Path(os.path.normpath(base / text))


def _add(search: _Search, reference: Any, base: Path, what: str) -> None:
    path = _resolve(search, reference, base)
    if path is not None:
        _inside(search, path, what)


def _inside(search: _Search, path: Path, what: str) -> bool:
    """Note C(path) when it exists; refuse one that would land outside the project's directory on the manager."""
    if not path.is_relative_to(search.root):
        raise DeliveryError(
            f"{what} is '{path}', outside the project directory '{search.root}', of which only the inside is brought "
            f"to the manager: move it inside, or set project_src to a directory that holds both and compose_path to "
            f"the Compose file in it"
        )
    if not path.is_file():
        return False
    search.found.add(str(path.relative_to(search.root)))
    return True


def _text_file(search: _Search, path: Path, what: str) -> str | None:
    if not _inside(search, path, what):
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryError(f"{what} '{path}' cannot be read: {error}") from error
    search.variables |= referenced_variables(text)
    return text


def _entries(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
