# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Networks, volumes, configs and secrets that the services of a stack use."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

from ..compose.project import ComposeProject
from ..core.errors import DeliveryError
from ..core.labels import PROJECT_LABEL
from .service import host_network_key
from .warnings import Warnings

Definition = dict[str, Any]

_SECTIONS = ("networks", "volumes", "configs", "secrets")
# Swarm refuses longer names of configs and secrets.
_MAX_NAME = 64
_DIGEST = 12
_PREDEFINED = {host_network_key(mode): mode for mode in ("host", "none")}


def sections(
    project: ComposeProject, services: Mapping[str, Definition], warnings: Warnings
) -> tuple[Definition, dict[str, bytes]]:
    """The top-level sections that C(services), translated already, need; the empty ones are left out.

    Besides them what configs and secrets contain, by the name of the file to write beside the stack file. Raises
    DeliveryError for what is used and not defined. Services that name a credential spec are changed to name it so
    that C(docker stack deploy) finds it.
    """
    name, document = project.name, project.document
    found: Definition = {
        "networks": _networks(services, document, name, warnings),
        "volumes": _volumes(services, document, name, warnings),
    }
    files: dict[str, bytes] = {}
    for section in ("configs", "secrets"):
        found[section], more = _objects(section, services, document, project.contents, name, warnings)
        files |= more
    _name_credential_specs(services, found["configs"])
    return {section: found[section] for section in _SECTIONS if found[section]}, files


def _networks(
    services: Mapping[str, Definition], document: Definition, project: str, warnings: Warnings
) -> dict[str, Definition]:
    """The definitions of all networks that C(services) join."""
    defined = document.get("networks") or {}
    result: dict[str, Definition] = {}
    for key in sorted({key for service in services.values() for key in service.get("networks") or ()}):
        if key in _PREDEFINED:
            result[key] = {"external": True, "name": _PREDEFINED[key]}
        elif key in defined or key == "default":
            result[key] = _network(key, defined.get(key) or {}, project, warnings)
        else:
            raise DeliveryError(f"the Compose file uses network '{key}' but does not define it: add it to networks")
    return result


def _volumes(
    services: Mapping[str, Definition], document: Definition, project: str, warnings: Warnings
) -> dict[str, Definition]:
    """The definitions of all named volumes that C(services) mount."""
    defined = document.get("volumes") or {}
    named = {
        mount["source"]
        for service in services.values()
        for mount in service.get("volumes") or ()
        if mount["type"] in ("volume", "cluster") and mount.get("source")
    }
    result: dict[str, Definition] = {}
    for key in sorted(named):
        if key not in defined:
            raise DeliveryError(f"the Compose file uses volume '{key}' but does not define it: add it to volumes")
        given = defined[key] or {}
        result[key] = _kept(f"volume '{key}'", given, ("driver", "driver_opts", "labels"), project, key, warnings)
    return result


def _objects(
    section: str,
    services: Mapping[str, Definition],
    document: Definition,
    contents: Mapping[tuple[str, str], bytes],
    project: str,
    warnings: Warnings,
) -> tuple[dict[str, Definition], dict[str, bytes]]:
    """The C(section), C(configs) or C(secrets), that C(services) use, and the files to write beside the stack file.

    Swarm cannot change a config or secret in place, so its name ends in a hash of what it contains.
    """
    kind = section[:-1]
    definitions: dict[str, Definition] = {}
    files: dict[str, bytes] = {}
    for key in _referenced(section, services):
        given = (document.get(section) or {}).get(key)
        if given is None:
            raise DeliveryError(f"the Compose file uses {kind} '{key}' but does not define it: add it to {section}")
        keep: tuple[str, ...] = ("labels", "template_driver")
        if section == "secrets":
            keep = (*keep, "driver", "driver_opts")
        known = {name: value for name, value in given.items() if name not in ("file", "content", "environment")}
        definition = _kept(f"{kind} '{key}'", known, keep, project, key, warnings)
        if (section, key) in contents:
            content = contents[section, key]
            definition["name"] = hashed_name(str(definition["name"]), content)
            definition["labels"] = {**(definition.get("labels") or {}), PROJECT_LABEL: project}
            definition["file"] = f"{kind}-{key}"
            files[definition["file"]] = content
        definitions[key] = definition
    return definitions, files


def _name_credential_specs(services: Mapping[str, Definition], configs: dict[str, Definition]) -> None:
    """Let C(credential_spec.config) of each service name its config by key and by name at once.

    C(docker stack deploy) looks for it under both, so the config is listed a second time with its name as key.
    """
    for service in services.values():
        spec = service.get("credential_spec") or {}
        if spec.get("config"):
            definition = configs[spec["config"]]
            service["credential_spec"] = {**spec, "config": definition["name"]}
            configs[str(definition["name"])] = definition


@functools.cache
def hashed_name(name: str, content: bytes) -> str:
    """C(<name>-<12 hex digits>), at most 64 characters; worked out once per process.

    The name of a secret is no secret, so the digest is made slow enough that short ones cannot be guessed from it.
    """
    digest = hashlib.pbkdf2_hmac("sha256", content, f"dockerflow:{name}".encode(), 50_000).hex()[:_DIGEST]
    return f"{name[: _MAX_NAME - _DIGEST - 1]}-{digest}"


def _referenced(section: str, services: Mapping[str, Definition]) -> list[str]:
    keys = {str(entry["source"]) for service in services.values() for entry in service.get(section) or ()}
    if section == "configs":
        specs = (service.get("credential_spec") or {} for service in services.values())
        keys |= {str(spec["config"]) for spec in specs if spec.get("config")}
    return sorted(keys)


def _network(key: str, given: Definition, project: str, warnings: Warnings) -> Definition:
    place = f"network '{key}'"
    given = dict(given)
    if given.get("driver") == "bridge" and not given.get("external"):
        del given["driver"]
        warnings.say(f"{place}: it is made as an overlay network, a bridge would not reach other nodes")
        if given.pop("driver_opts", None):
            warnings.say(f"{place}: driver_opts is left out, it was meant for the bridge driver")
    addresses = given.pop("ipam", None) or {}
    result = _kept(place, given, ("attachable", "driver", "driver_opts", "internal", "labels"), project, key, warnings)
    ipam: Definition = {"driver": addresses["driver"]} if addresses.get("driver") else {}
    for pool in addresses.get("config") or ():
        for option in sorted(set(pool) - {"subnet"}):
            warnings.say(f"{place}: ipam.config.{option} is left out, a stack sets only the subnet")
        if pool.get("subnet"):
            ipam.setdefault("config", []).append({"subnet": pool["subnet"]})
    if addresses.get("options"):
        warnings.say(f"{place}: ipam.options is left out, a stack does not know it")
    if ipam and not result.get("external"):
        result["ipam"] = ipam
    return result


def _kept(
    place: str, given: Definition, keep: tuple[str, ...], project: str, key: str, warnings: Warnings
) -> Definition:
    """What the stack dialect knows of a definition, with the name spelt out that C(docker stack deploy) would give."""
    if given.get("external"):
        return {"external": True, "name": given.get("name") or key}
    result: Definition = {"name": given.get("name") or f"{project}_{key}"}
    for option, value in given.items():
        if option in keep and value not in (None, {}, []):
            result[option] = value
        elif option not in (*keep, "name", "external") and not option.startswith("x-") and _asks(option, value):
            warnings.say(f"{place}: {option} is left out, a stack does not know it")
    return result


def _asks(option: str, value: Any) -> bool:
    """One flag asks for something when it is off."""
    return value is False if option == "enable_ipv4" else bool(value)
