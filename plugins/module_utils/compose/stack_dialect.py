# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Reading a file in the stack dialect where the Compose plugin is missing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from ..syntax.documents import YAML_AVAILABLE, parse_documents, read_text
from ..syntax.scalars import flag, scalar_text
from ..syntax.short_ports import parse_short_port
from ..syntax.variables import interpolate

_INSTALL = "install Docker's Compose plugin on this host (role docker does)"

# What the newest stack dialect of Docker 20.10 knows.
_SECTIONS = frozenset({"version", "services", "networks", "volumes", "configs", "secrets"})
_SERVICE = frozenset({
    "build", "cap_add", "cap_drop", "cgroup_parent", "command", "configs", "container_name", "credential_spec",
    "depends_on", "deploy", "devices", "dns", "dns_search", "domainname", "entrypoint", "env_file", "environment",
    "expose", "external_links", "extra_hosts", "healthcheck", "hostname", "image", "init", "ipc", "isolation", "labels",
    "links", "logging", "mac_address", "network_mode", "networks", "pid", "ports", "privileged", "read_only", "restart",
    "secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tmpfs", "tty",
    "ulimits", "user", "userns_mode", "volumes", "working_dir",
})  # fmt: skip
# Values that a text may stand for, be it of a variable, and that are none.
_NUMBERS = frozenset({
    "hard", "max_attempts", "max_failure_ratio", "max_replicas_per_node", "mode", "parallelism", "pids", "published",
    "replicas", "retries", "size", "soft", "target", "value",
})  # fmt: skip
_FLAGS = frozenset({
    "attachable", "disable", "external", "init", "internal", "nocopy", "privileged", "read_only", "stdin_open", "tty",
})  # fmt: skip


def read_stack_file(files: Sequence[Path], directory: Path, variables: Mapping[str, str], name: str) -> dict[str, Any]:
    """The document in Compose's canonical form: interpolated, long forms, absolute paths, names spelt out.

    C(name) is the project's; the dialect has no place for one.

    Raises DeliveryError for whatever is not in the stack dialect, and says that the Compose plugin would read it.
    """
    if not YAML_AVAILABLE:
        raise DeliveryError(f"the Compose file {files[0]} cannot be read: {_INSTALL}")
    if len(files) > 1:
        raise DeliveryError(f"{len(files)} Compose files cannot be merged here: {_INSTALL} or give one file")
    path = files[0]
    documents = parse_documents(read_text(path, "Compose file"), path, strict=True)
    if len(documents) > 1:
        raise DeliveryError(
            f"Compose file {path} holds {len(documents)} documents, of which a stack reads only the first: {_INSTALL} "
            f"or make one of them"
        )
    given = documents[0] if documents else None
    if not isinstance(given, dict) or not isinstance(given.get("services"), dict):
        raise DeliveryError(f"Compose file {path} has no services: add a mapping of that name")
    _refuse(path, "the file", set(given) - _SECTIONS)
    document = _interpolated(given, variables, path)
    services: dict[str, Any] = {}
    for key, service in document["services"].items():
        if not isinstance(service, dict):
            raise DeliveryError(f"Compose file {path} is not valid: service '{key}' is no mapping")
        _refuse(path, f"service '{key}'", set(service) - _SERVICE)
        services[key] = _canonical(key, service, directory, variables, path)
    result: dict[str, Any] = {"name": name, "services": services}
    for section in ("networks", "volumes", "configs", "secrets"):
        result[section] = {
            key: _definition(key, definition or {}, name, directory)
            for key, definition in (document.get(section) or {}).items()
        }
    return result


def _refuse(path: Path, place: str, keys: set[Any]) -> None:
    unknown = sorted(str(key) for key in keys if not str(key).startswith("x-"))
    if unknown:
        raise DeliveryError(
            f"Compose file {path} is not in the stack dialect, the only one that can be read here: {place} has "
            f"{', '.join(unknown)}; {_INSTALL}"
        )


def _interpolated(value: Any, variables: Mapping[str, str], path: Path, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _interpolated(item, variables, path, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, variables, path) for item in value]
    if not isinstance(value, str):
        return value
    try:
        text = interpolate(value, variables)
    except DeliveryError as error:
        raise DeliveryError(f"Compose file {path} is not valid: {error}") from error
    if key in _NUMBERS and text.replace(".", "", 1).isdigit():
        return float(text) if "." in text else int(text)
    # The YAML of older clients has more words for a flag.
    return flag(text) if key in _FLAGS else text


def _canonical(
    name: str, service: dict[str, Any], directory: Path, variables: Mapping[str, str], path: Path
) -> dict[str, Any]:
    result = {key: value for key, value in service.items() if value is not None and not key.startswith("x-")}
    environment: dict[str, Any] = {}
    for entry in _list(result.pop("env_file", None)):
        file = directory / str(entry)
        if not file.is_file():
            raise DeliveryError(f"Compose file {path} is not valid: env_file '{entry}' of service '{name}' is missing")
        environment |= _env_file(file, variables)
    given = _mapping(result.pop("environment", None))
    environment |= {key: variables.get(key) if value is None else scalar_text(value) for key, value in given.items()}
    result["environment"] = environment
    for key in ("labels", "sysctls"):
        if key in result:
            result[key] = {label: scalar_text(value) for label, value in _mapping(result[key]).items()}
    if "deploy" in result and "labels" in result["deploy"]:
        labels = {label: scalar_text(value) for label, value in _mapping(result["deploy"]["labels"]).items()}
        result["deploy"] = {**result["deploy"], "labels": labels}
    for key in ("command", "entrypoint"):
        if isinstance(result.get(key), str):
            result[key] = shlex.split(result[key])
    for key in ("dns", "dns_search", "tmpfs"):
        if key in result:
            result[key] = _list(result[key])
    if isinstance(test := (result.get("healthcheck") or {}).get("test"), str):
        result["healthcheck"] = {**result["healthcheck"], "test": ["CMD-SHELL", test]}
    if isinstance(hosts := result.get("extra_hosts"), dict):
        result["extra_hosts"] = [f"{host}={address}" for host, address in hosts.items()]
    if isinstance(networks := result.get("networks"), list):
        result["networks"] = dict.fromkeys(networks)
    if isinstance(dependencies := result.get("depends_on"), list):
        result["depends_on"] = {key: {"condition": "service_started"} for key in dependencies}
    elif dependencies:
        _refuse(path, f"service '{name}'", {"depends_on in its long form"})
    result["ports"] = [
        port
        for entry in result.get("ports", [])
        for port in ([entry] if isinstance(entry, dict) else parse_short_port(scalar_text(entry)))
    ]
    result["volumes"] = [_volume(entry, directory) for entry in result.get("volumes", [])]
    for key in ("configs", "secrets"):
        result[key] = [entry if isinstance(entry, dict) else {"source": str(entry)} for entry in result.get(key, [])]
    return result


def _env_file(path: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The assignments of an C(env_file) as the Docker client reads it: quotes and C(#) belong to a value."""
    values: dict[str, str] = {}
    for number, line in enumerate(read_text(path, "env_file").split("\n"), start=1):
        name, equals, value = line.removesuffix("\r").lstrip().partition("=")
        if name.startswith("#") or not (name or equals):
            continue
        if not name or any(character.isspace() for character in name):
            raise DeliveryError(f"env_file '{path}' line {number} is not valid: write it as NAME=value")
        if equals or name in variables:
            values[name] = value if equals else variables[name]
    return values


def _volume(entry: Any, directory: Path) -> dict[str, Any]:
    if isinstance(entry, dict):
        volume = dict(entry)
    else:
        source, _colon, rest = str(entry).partition(":")
        target, _colon, mode = rest.partition(":")
        options = mode.split(",")
        is_path = source.startswith((".", "/", "~"))
        volume = {"type": "bind" if rest and is_path else "volume", "target": target or source}
        if rest:
            volume["source"] = source
        if "ro" in options:
            volume["read_only"] = True
        if "nocopy" in options:
            volume["volume"] = {"nocopy": True}
    if volume.get("type") == "bind":
        volume["source"] = _absolute(str(volume["source"]), directory)
    return volume


def _definition(key: str, definition: dict[str, Any], project: str, directory: Path) -> dict[str, Any]:
    result = {option: value for option, value in definition.items() if value is not None}
    external = result.get("external")
    if isinstance(external, dict):
        result |= {"external": True, "name": external.get("name", key)}
    result.setdefault("name", key if external else f"{project}_{key}")
    if "labels" in result:
        result["labels"] = {label: scalar_text(value) for label, value in _mapping(result["labels"]).items()}
    if "file" in result:
        result["file"] = _absolute(str(result["file"]), directory)
    return result


def _absolute(path: str, directory: Path) -> str:
    # Not resolved: where a link leads is the business of the host that mounts or reads it.
    return str(Path(path).expanduser() if path.startswith("~") else directory / path)


def _list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _mapping(value: Any) -> dict[str, Any]:
    """A list of C(key=value) as the mapping that it stands for."""
    if isinstance(value, list):
        pairs = (str(item).partition("=") for item in value)
        return {key: (text if equals else None) for key, equals, text in pairs}
    return dict(value or {})
