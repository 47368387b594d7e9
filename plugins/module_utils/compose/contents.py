# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What configs and secrets will contain."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from .command import Compose, resolve
from .scope import Step

Document = dict[str, Any]
Key = tuple[str, str]

# What Swarm takes of one, in bytes; none may be empty.
_LARGEST = {"config": 1000 * 1024 - 1, "secret": 500 * 1024 - 1}


def contents(document: Document, services: Sequence[str], values: Mapping[Key, str | None]) -> dict[Key, bytes]:
    """What each config and secret that a wanted service uses will contain, by section and key.

    C(values) are those that come from variables. Raises DeliveryError for what is missing or Swarm does not take.
    """
    found: dict[Key, bytes] = {}
    for section, key, definition in used_definitions(document, services):
        content = _content(section[:-1], key, definition, values.get((section, key)))
        if content is not None:
            found[section, key] = content
    return found


def used_definitions(document: Document, services: Sequence[str]) -> list[tuple[str, str, Document]]:
    """Section, key and definition of the configs and secrets that C(services), by default all, use."""
    every = document.get("services") or {}
    wanted = {name: service for name, service in every.items() if name in services} or every
    found = []
    for section in ("configs", "secrets"):
        for key in _used(section, wanted):
            definition = (document.get(section) or {}).get(key)
            if definition is None:
                raise DeliveryError(f"the Compose file uses {section[:-1]} '{key}' but does not define it: add it")
            found.append((section, key, definition))
    return found


def from_variables(document: Document, services: Sequence[str]) -> dict[Key, str]:
    """The variables that configs and secrets are taken from."""
    return {
        (section, key): str(definition["environment"])
        for section, key, definition in used_definitions(document, services)
        if "environment" in definition and not _elsewhere(definition) and "content" not in definition
    }


def ask_values(
    compose: Compose,
    directory: Path,
    variables: Mapping[Key, str],
    scopes: Mapping[str, Sequence[Step]],
) -> dict[Key, str | None]:
    """What Compose takes for C(variables), C(None) for one that is not set.

    C(directory) is the project's for Compose. C(scopes), their paths relative to the one that Compose is called in,
    says which includes lead to a definition. Compose shows no secret, but it shows the environment of a service, so
    services of ours ask for the variables, each in a file in the place of the one that defines it.
    """
    if not variables:
        return {}
    with tempfile.TemporaryDirectory(prefix="dockerflow-") as place:
        probes = _Probes(Path(place), compose.directory)
        names = {key: probes.add(name, scopes.get(".".join(key), ())) for key, name in variables.items()}
        first = probes.write()
        options = ["--project-directory", str(directory), "--project-name", "probe", "--file", str(first)]
        document, _warnings = resolve(compose, [*options, "config", "--format", "json"])
    services = document["services"]
    return {key: services[names[key]]["environment"][name] for key, name in variables.items()}


class _Probes:
    """Compose files that include one another as the project's do, each with the services that ask for variables."""

    def __init__(self, place: Path, root: Path) -> None:
        self._place, self._root = place, root
        self._files: dict[str, Document] = {"": {"services": {}, "include": []}}
        self._count = 0

    def add(self, variable: str, steps: Sequence[Step]) -> str:
        """The name of a service that has C(variable) where C(steps) lead."""
        self._count += 1
        name = f"probe-{self._count}"
        chain = ""
        for step in steps:
            outer, chain = chain, chain + json.dumps(step)
            if chain not in self._files:
                self._files[chain] = {"services": {}, "include": []}
                self._files[outer]["include"].append(self._included(chain, step))
        self._files[chain]["services"][name] = {"image": "probe", "environment": [variable]}
        return name

    def write(self) -> Path:
        """Write all files; returns the path of the outermost."""
        for chain, content in self._files.items():
            self._path(chain).write_text(json.dumps(content), encoding="utf-8")
        return self._path("")

    def _path(self, chain: str) -> Path:
        return self._place / f"{list(self._files).index(chain)}.json"

    def _included(self, chain: str, step: Step) -> Document:
        files = [str(self._root / file) for file in step["env_file"]]
        directory = str(self._root / step["project_directory"])
        return {
            "path": str(self._path(chain)),
            "project_directory": directory,
            **({"env_file": files} if files else {}),
        }


def _used(section: str, services: Mapping[str, Document]) -> list[str]:
    keys = {entry["source"] for service in services.values() for entry in service.get(section) or ()}
    if section == "configs":
        specs = (service.get("credential_spec") or {} for service in services.values())
        keys |= {spec["config"] for spec in specs if spec.get("config")}
    return sorted(keys)


def _elsewhere(definition: Document) -> bool:
    """Whether it exists already or comes from a driver."""
    return bool(definition.get("external") or definition.get("driver"))


def _content(kind: str, key: str, definition: Document, value: str | None) -> bytes | None:
    if _elsewhere(definition):
        return None
    if "content" in definition:
        return _sound(kind, key, str(definition["content"]).encode(), "content")
    if "environment" in definition:
        variable = str(definition["environment"])
        if value is None:
            raise DeliveryError(f"{kind} '{key}' is taken from variable '{variable}', which is not set: set it")
        return _sound(kind, key, value.encode(), f"variable '{variable}'")
    path = str(definition.get("file", ""))
    try:
        return _sound(kind, key, Path(path).read_bytes(), f"'{path}'")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DeliveryError(f"{kind} '{key}' cannot be read from '{path}': {reason}") from error


def _sound(kind: str, key: str, content: bytes, origin: str) -> bytes:
    if not content:
        raise DeliveryError(f"{kind} '{key}' is empty, and Swarm takes no empty {kind}: put something into {origin}")
    if len(content) > _LARGEST[kind]:
        raise DeliveryError(
            f"{kind} '{key}' from {origin} has {len(content)} bytes, and Swarm takes at most {_LARGEST[kind]}: "
            f"make it smaller, or mount a volume"
        )
    return content
