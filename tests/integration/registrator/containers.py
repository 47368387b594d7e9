# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a test, removed at its end, by the docker client as a user would make them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

IMAGE = "dockerflow/base:trixie"


def docker(*arguments: str, timeout: float = 120) -> str:
    """Run the docker client and return what it printed."""
    finished = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if finished.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: {finished.stderr.strip()}")
    return finished.stdout.strip()


class TestContainers:
    """C(service): the name under which the test's containers register, unless they say otherwise."""

    __test__ = False  # no test of its own, whatever pytest makes of the name

    def __init__(self, service: str) -> None:
        self.service = service
        self._ids: list[str] = []

    def run(self, *options: str, image: str = IMAGE, command: tuple[str, ...] = ("sleep", "3600")) -> str:
        """Start a container with SERVICE_NAME set; returns its id."""
        container = docker("run", "--detach", f"--env=SERVICE_NAME={self.service}", *options, image, *command)
        self._ids.append(container)
        return container

    def run_as_is(self, image: str, *options: str, command: tuple[str, ...] = ("sleep", "3600")) -> str:
        """Start a container with nothing added; returns its id."""
        container = docker("run", "--detach", *options, image, *command)
        self._ids.append(container)
        return container

    def remove(self) -> None:
        """Remove all that were started, those that are gone already included."""
        if self._ids:
            subprocess.run(["docker", "rm", "--force", *self._ids], capture_output=True, timeout=120, check=False)
        self._ids.clear()


def inspect(container: str) -> dict[str, Any]:
    """The inspected container."""
    document: dict[str, Any] = json.loads(docker("container", "inspect", container))[0]
    return document


def port(container: str, of: str = "8080/tcp") -> int:
    """The IPv4 host port of a published container port."""
    bindings = inspect(container)["NetworkSettings"]["Ports"][of]
    return next(int(binding["HostPort"]) for binding in bindings if ":" not in binding["HostIp"])
