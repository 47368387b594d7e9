# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program to its end, and say in one sentence what went wrong."""

from __future__ import annotations

import os
import subprocess

BUILD_DEADLINE = 1200  # seconds; a slow mirror, not a build that hangs for ever
QUERY_DEADLINE = 60


class BuildError(Exception):
    """One sentence for the terminal; C(output) is what the failing command said."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


def run(command: list[str], deadline: float, what: str, verbose: bool = False) -> str:
    """Run a command to its end and return its output; its failure is a BuildError with that output."""
    environment = os.environ | {"DOCKER_BUILDKIT": "0"}  # the other builder asks a registry for every parent image
    try:
        finished = subprocess.run(
            command,
            stdout=None if verbose else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=deadline,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise BuildError(f"{what}: no program '{command[0]}' on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{what}: not done after {deadline:.0f} s", str(error.output or "")) from error
    if finished.returncode:
        raise BuildError(f"{what} failed with exit code {finished.returncode}", finished.stdout or "")
    return finished.stdout or ""
