# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One service of a resolved Compose file in the dialect of C(docker stack deploy), ports and colour aside."""

from __future__ import annotations

from typing import Any

from .amounts import decimal_text, parse_bytes
from .mounts import mounts
from .unsupported import warn_unsupported
from .warnings import Warnings

Service = dict[str, Any]

_UNCHANGED = (
    "cap_add", "cap_drop", "command", "configs", "credential_spec", "dns", "dns_search", "entrypoint", "hostname",
    "image", "init", "isolation", "labels", "logging", "read_only", "secrets", "stdin_open", "stop_grace_period",
    "stop_signal", "sysctls", "tty", "ulimits", "user", "working_dir",
)  # fmt: skip
_TRANSLATED = frozenset({
    *_UNCHANGED, "cpus", "depends_on", "deploy", "environment", "extra_hosts", "healthcheck", "mem_limit",
    "mem_reservation", "network_mode", "networks", "oom_score_adj", "pids_limit", "ports", "pull_policy", "restart",
    "scale", "shm_size", "tmpfs", "volumes",
})  # fmt: skip
_DEPLOY = (
    "endpoint_mode", "labels", "mode", "placement", "replicas", "restart_policy", "rollback_config", "update_config",
)  # fmt: skip
_HOST_NETWORKS = ("host", "none")


def translate_service(
    name: str, service: Service, directory: str, dialect: tuple[int, int], warnings: Warnings
) -> Service:
    """The definition without C(ports), which depend on the colour, and without C(depends_on), which Swarm ignores
    and a release keeps itself.

    C(service) is in Compose's long form, C(directory) the project's, C(dialect) the newest that the Docker client
    accepts. What cannot be kept is put into C(warnings).
    """
    warn_unsupported(name, service, _TRANSLATED, warnings)
    result: Service = {key: service[key] for key in _UNCHANGED if service.get(key) is not None}
    # A variable without a value is one that Compose did not find; the stack dialect would look it up again.
    environment = {key: value for key, value in (service.get("environment") or {}).items() if value is not None}
    if environment:
        result["environment"] = environment
    if hosts := service.get("extra_hosts"):
        # Compose writes name=address, the stack dialect wants name:address. Compose's order is random.
        result["extra_hosts"] = sorted(host.replace("=", ":", 1) for host in hosts)
    if volumes := mounts(name, service, directory, warnings):
        result["volumes"] = volumes
    if check := _healthcheck(name, service.get("healthcheck"), dialect, warnings):
        result["healthcheck"] = check
    if networks := _networks(name, service, dialect, warnings):
        result["networks"] = networks
    if service.get("oom_score_adj"):
        if dialect >= (3, 13):
            result["oom_score_adj"] = service["oom_score_adj"]
        else:
            warnings.dropped(name, "oom_score_adj", "it needs Docker client 28 or later")
    if deploy := _deploy(name, service, warnings):
        result["deploy"] = deploy
    _restarts(name, service, warnings)
    return result


def replicas(service: Service) -> int | None:
    """How many instances the Compose file asks for; C(None) when it does not say."""
    wanted = (service.get("deploy") or {}).get("replicas", service.get("scale"))
    return None if wanted is None else int(wanted)


def _healthcheck(
    name: str, check: Service | None, dialect: tuple[int, int], warnings: Warnings
) -> dict[str, Any] | None:
    if not check:
        return None
    if check.get("disable"):
        return {"disable": True}
    known = ("test", "interval", "timeout", "retries", "start_period")
    result = {key: check[key] for key in known if check.get(key) is not None}
    if check.get("start_interval") is not None:
        if dialect >= (3, 12):
            result["start_interval"] = check["start_interval"]
        else:
            warnings.dropped(name, "healthcheck.start_interval", "it needs Docker client 25 or later")
    return result


def _networks(name: str, service: Service, dialect: tuple[int, int], warnings: Warnings) -> dict[str, Any]:
    mode = str(service.get("network_mode") or "")
    if mode in _HOST_NETWORKS:
        return {host_network_key(mode): None}
    if mode not in ("", "bridge", "default"):
        warnings.dropped(name, f"network_mode: {mode}", "Swarm cannot share a network namespace")
    result: dict[str, Any] = {}
    for key, attachment in (service.get("networks") or {"default": None}).items():
        kept: dict[str, Any] = {}
        for option, value in (attachment or {}).items():
            if option == "aliases" or (option == "driver_opts" and dialect >= (3, 13)):
                kept[option] = value
            elif value not in (None, {}, []):
                reason = (
                    "Swarm chooses the addresses" if "_address" in option or "_ips" in option else "Swarm cannot set it"
                )
                warnings.dropped(name, f"networks.{key}.{option}", reason)
        result[key] = kept or None
    return result


def host_network_key(mode: str) -> str:
    """The key under which a stack file names the predefined network that C(network_mode) C(host) or C(none) means."""
    return f"network-mode-{mode}"


def _deploy(name: str, service: Service, warnings: Warnings) -> dict[str, Any]:
    given = service.get("deploy") or {}
    result = {key: given[key] for key in _DEPLOY if given.get(key) not in (None, {})}
    for key in given:
        if key not in (*_DEPLOY, "resources") and not key.startswith("x-"):
            warnings.dropped(name, f"deploy.{key}", "a stack does not know it")
    wanted = replicas(service)
    if wanted is not None:
        result["replicas"] = wanted
    if "restart_policy" not in result and (policy := _restart_policy(str(service.get("restart") or ""))):
        result["restart_policy"] = policy
    resources = {
        "limits": _amounts(
            name, "limits", given, service, {"cpus": "cpus", "mem_limit": "memory", "pids_limit": "pids"}, warnings
        ),
        "reservations": _amounts(name, "reservations", given, service, {"mem_reservation": "memory"}, warnings),
    }
    if resources := {part: amounts for part, amounts in resources.items() if amounts}:
        result["resources"] = resources
    return result


def _amounts(
    name: str, part: str, deploy: Service, service: Service, short: dict[str, str], warnings: Warnings
) -> dict[str, Any]:
    """C(deploy.resources.limits) or C(.reservations), with the service's short keys where it does not say more."""
    given = {short[key]: service[key] for key in short if service.get(key)}
    given |= {key: value for key, value in ((deploy.get("resources") or {}).get(part) or {}).items() if value}
    result: dict[str, Any] = {}
    for key, value in given.items():
        if key == "cpus":
            result[key] = decimal_text(value)
        elif key == "memory":
            result[key] = str(parse_bytes(value) or value)
        elif key == "pids" and part == "limits":
            # Compose writes -1 for no limit, as Docker does.
            if int(value) > 0:
                result[key] = int(value)
        elif key == "generic_resources":
            result[key] = value
        else:
            warnings.dropped(name, f"deploy.resources.{part}.{key}", "a stack cannot reserve it")
    return result


def _restart_policy(restart: str) -> dict[str, Any] | None:
    condition, _colon, attempts = restart.partition(":")
    match condition:
        case "no":
            return {"condition": "none"}
        case "always" | "unless-stopped":
            return {"condition": "any"}
        case "on-failure":
            return {"condition": "on-failure", **({"max_attempts": int(attempts)} if attempts else {})}
    return None


def _restarts(name: str, service: Service, warnings: Warnings) -> None:
    for other, dependency in (service.get("depends_on") or {}).items():
        if (dependency or {}).get("restart"):
            warnings.dropped(name, f"depends_on.{other}.restart", "Swarm restarts no service because of another")
