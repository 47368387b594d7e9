# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Volumes, tmpfs and shared memory of a service, as mounts of the stack dialect."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from .amounts import parse_bytes
from .warnings import Warnings

Mount = dict[str, Any]

# Where a node's own directories are; they exist on all of them.
SYSTEM = ("/dev", "/etc", "/proc", "/run", "/sys", "/var/run")
_KNOWN = {"bind": ("propagation",), "volume": ("nocopy",), "tmpfs": ("size",), "cluster": (), "npipe": ("propagation",)}


def mounts(name: str, service: dict[str, Any], directory: str, warnings: Warnings) -> list[Mount]:
    """All mounts of C(service), in the order of C(volumes), C(tmpfs), C(shm_size).

    The stack dialect ignores C(tmpfs) and C(shm_size) without a word, but a Swarm can do both as mounts.
    """
    result = [
        mount
        for volume in service.get("volumes") or ()
        if (mount := _mount(name, volume, directory, warnings)) is not None
    ]
    result += [_tmpfs(name, str(entry), warnings) for entry in service.get("tmpfs") or ()]
    size = parse_bytes(service.get("shm_size") or 0)
    if size and all(mount["target"] != "/dev/shm" for mount in result):
        result.append({"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": size}})
    return result


def _mount(name: str, volume: Mount, directory: str, warnings: Warnings) -> Mount | None:
    kind, target = str(volume["type"]), str(volume["target"])
    if kind not in _KNOWN:
        warnings.service(name, f"the {kind} mount on {target} is left out, a stack does not know that type")
        return None
    result: Mount = {"type": kind, "target": target}
    for key in ("source", "read_only", "consistency"):
        if volume.get(key):
            result[key] = volume[key]
    options: dict[str, Any] = {}
    for key, value in (volume.get(kind) or {}).items():
        if key in _KNOWN[kind]:
            options[key] = parse_bytes(value) if key == "size" else value
        elif key == "create_host_path":
            _host_path(name, str(volume.get("source", "")), bool(value), directory, warnings)
        elif key == "subpath" and value:
            warnings.service(
                name, f"the mount on {target} shows the whole volume, a stack cannot mount subpath {value}"
            )
        elif value not in (None, False, "", {}, []):
            warnings.service(name, f"{kind}.{key} of the mount on {target} is left out, a stack does not know it")
    if options:
        result[kind] = options
    return result


def _host_path(name: str, source: str, create: bool, directory: str, warnings: Warnings) -> None:
    path = PurePosixPath(source)
    if path.is_relative_to(directory):
        warnings.service(
            name, f"{source} is mounted from the node, but the project's files are on one manager only: use a config"
        )
    elif create and not any(path.is_relative_to(system) for system in SYSTEM):
        warnings.service(name, f"{source} must exist on every node that runs it, Swarm does not create it")


def _tmpfs(name: str, entry: str, warnings: Warnings) -> Mount:
    target, _colon, text = entry.partition(":")
    mount: Mount = {"type": "tmpfs", "target": target}
    for option in filter(None, text.split(",")):
        key, _equals, value = option.partition("=")
        size = parse_bytes(value) if key == "size" else None
        if size is not None:
            mount["tmpfs"] = {"size": size}
        # These are what a Swarm mounts a tmpfs with anyway.
        elif option not in ("rw", "noexec", "nosuid", "nodev", "mode=1777", "mode=01777"):
            warnings.service(name, f"option {option} of the tmpfs on {target} is left out, a stack sets only its size")
    return mount
