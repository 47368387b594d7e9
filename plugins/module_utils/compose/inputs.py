# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a project needs from the machine it is deployed from: its files, and the variables that these refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..syntax.documents import parse_documents, read_text
from ..syntax.variables import referenced_variables
from .location import Location
from .scope import Scope, Step, included_scope, inside, resolve

# Compose reads these from the environment itself.
_COMPOSE_VARIABLES = frozenset({
    "COMPOSE_DISABLE_ENV_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """C(paths) are relative to the project directory and sorted; C(variables) are names; C(names) what the project's
    own Compose files say under C(name), the one that counts last; of included and extended files Compose ignores it.

    C(scopes) has those configs and secrets, as C(secrets.<key>), that an included file takes from a variable which the
    project itself does not have: the includes, from the outermost on, whose C(.env) may have it.
    """

    paths: tuple[str, ...]
    variables: frozenset[str]
    names: tuple[str, ...] = ()
    scopes: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Search:
    root: Path
    project: Mapping[str, str]
    found: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    scopes: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    visited: set[tuple[object, ...]] = field(default_factory=set)
    documents: dict[Path, list[dict[str, Any]]] = field(default_factory=dict)


def project_files(location: Location) -> ProjectFiles:
    """Every file of the project that Compose reads, and every variable that these refer to.

    Compose files with their override, what they C(extend) and C(include), C(.env), C(env_file), C(label_file), and the
    files of configs and secrets. Files that do not exist are left out: Compose says what misses them. Absolute paths
    are left out as well, because they name a place on the manager. Raises DeliveryError for a path that leaves the
    project directory, and for YAML that cannot be read.
    """
    search = _Search(location.root, location.variables)
    for path in location.variable_files:
        _text_file(search, path, "variables of the project")
    scope = Scope(location.root, location.base, location.variables)
    names: list[str] = []
    for path in location.files:
        _compose_file(search, path, scope, "Compose file")
        # Compose refuses a name that is no text.
        names += [name for document in search.documents[path] if isinstance(name := document.get("name"), str)]
    return ProjectFiles(
        paths=tuple(sorted(search.found)),
        variables=frozenset(search.variables | _COMPOSE_VARIABLES),
        names=tuple(filter(None, names)),
        scopes=search.scopes,
    )


def _documents(search: _Search, path: Path, what: str) -> list[dict[str, Any]]:
    if path not in search.documents:
        text = _text_file(search, path, what, errors="strict")
        given = [] if text is None else parse_documents(text, path)
        search.documents[path] = [document for document in given if isinstance(document, dict)]
    return search.documents[path]


def _compose_file(search: _Search, path: Path, scope: Scope, what: str) -> None:
    """Take up C(path) and all that it refers to, as C(scope) sees it."""
    if _seen(search, path, scope):
        return
    for document in _documents(search, path, what):
        for entry in _entries(document.get("include")):
            _include(search, entry, scope)
        for name, service in _mappings(document, "services"):
            _service(search, name, service, path, scope)
        for section in ("configs", "secrets"):
            for name, definition in _mappings(document, section):
                _definition(search, section, name, definition, scope)


def _service(search: _Search, name: str, service: dict[str, Any], file: Path, scope: Scope) -> None:
    _extends(search, name, service.get("extends"), file, scope)
    for key in ("env_file", "label_file"):
        for entry in _entries(service.get(key)):
            options = entry if isinstance(entry, dict) else {"path": entry}
            path = resolve(scope, options.get("path"))
            if path is None or (options.get("required") is False and not path.is_file()):
                continue
            text = _text_file(search, path, f"{key} of service '{name}'")
            # A line without a value takes it from the environment.
            lines = (line.strip().removeprefix("export ").strip() for line in (text or "").splitlines())
            search.variables |= {line for line in lines if line.isidentifier()}
    environment = service.get("environment")
    if isinstance(environment, dict):
        search.variables |= {str(key) for key, value in environment.items() if value is None}
    elif isinstance(environment, list):
        search.variables |= {str(item) for item in environment if "=" not in str(item)}


def _extends(search: _Search, name: str, extends: Any, file: Path, scope: Scope) -> None:
    """Take up the service that another one extends, and nothing else of the file that it is in: Compose neither."""
    options = extends if isinstance(extends, dict) else {"service": extends}
    wanted = options.get("service")
    if options.get("file") is not None:
        path = resolve(scope, options["file"])
        if path is None or not inside(search.root, path, f"extends of service '{name}'"):
            return
        file, scope = path, replace(scope, base=path.parent)
    if not isinstance(wanted, str) or _seen(search, file, scope, wanted):
        return
    for document in _documents(search, file, f"extends of service '{name}'"):
        for other, service in _mappings(document, "services"):
            if other == wanted:
                _service(search, other, service, file, scope)


def _include(search: _Search, entry: Any, scope: Scope) -> None:
    options = entry if isinstance(entry, dict) else {"path": entry}
    paths = [path for item in _entries(options.get("path")) if (path := resolve(scope, item)) is not None]
    if not paths:
        return
    directory = resolve(scope, options.get("project_directory")) or paths[0].parent
    given = [resolve(scope, item) for item in _entries(options.get("env_file"))]
    variables = [path for path in given if path is not None]
    for path in paths:
        inside(search.root, path, "included file")
    for path in variables or [path for path in [directory / ".env"] if path.is_file()]:
        _text_file(search, path, "variables of an included file")
    # A file that includes itself is Compose's to refuse.
    if paths[0] not in scope.chain:
        inner = included_scope(scope, paths[0], directory, variables)
        for path in paths:
            _compose_file(search, path, inner, "included file")


def _definition(search: _Search, section: str, name: str, definition: dict[str, Any], scope: Scope) -> None:
    if isinstance(definition.get("environment"), str):
        variable = scope.text(definition["environment"])
        search.variables.add(variable)
        if variable not in search.project and scope.steps:
            search.scopes[f"{section}.{name}"] = scope.steps
    for reference in _entries(definition.get("file")):
        path = resolve(scope, reference)
        if path is not None and inside(search.root, path, f"{section[:-1]} '{name}'"):
            search.found.add(str(path.relative_to(search.root)))


def _text_file(search: _Search, path: Path, what: str, errors: str = "replace") -> str | None:
    if not inside(search.root, path, what):
        return None
    search.found.add(str(path.relative_to(search.root)))
    text = read_text(path, what, errors)
    search.variables |= referenced_variables(text)
    return text


def _seen(search: _Search, path: Path, scope: Scope, service: str = "") -> bool:
    key = (path, service, scope.base, scope.chain, str(scope.steps))
    known = key in search.visited
    search.visited.add(key)
    return known


def _mappings(document: dict[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = document.get(section)
    for name, value in entries.items() if isinstance(entries, dict) else ():
        if isinstance(value, dict):
            yield name, value


def _entries(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
