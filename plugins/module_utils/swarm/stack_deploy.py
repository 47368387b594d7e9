# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The docker command line, for the one thing that only it can do: apply a Compose file to a Swarm."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import EngineError
from ..stack.document import StackDocument

# Lines of docker stack deploy that say nothing about the outcome.
_NOISE = (
    "Since --detach=false was not specified",
    "In a future release, --detach=false",
    "Ignoring unsupported options",
)


def stack_deploy(
    document: StackDocument,
    *,
    docker_host: str,
    timeout: float,
    with_registry_auth: bool = False,
    command: Sequence[str] = ("docker",),
) -> list[str]:
    """Apply a stack document (C(docker stack deploy)) and return what the command said, line by line.

    Images are pinned already, so no registry is asked. The document may hold secrets: it lies in a directory that only
    this user can read, for as long as the command runs. C(timeout) in seconds. Raises EngineError with Docker's reason.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="docker-flow-") as directory:
            path = document.write(Path(directory))
            return _run(path, document.project, docker_host, timeout, with_registry_auth, command)
    except OSError as error:
        raise EngineError(
            f"docker stack deploy of '{document.project}' could not be run ({error.strerror or error}: "
            f"{error.filename or tempfile.gettempdir()}): make room there, or correct the permissions"
        ) from error


def _run(
    path: Path, project: str, docker_host: str, timeout: float, with_registry_auth: bool, command: Sequence[str]
) -> list[str]:
    arguments = [*command, "stack", "deploy", "--resolve-image", "never", "--compose-file", str(path)]
    if with_registry_auth:
        arguments.append("--with-registry-auth")
    try:
        # Not run_command, which needs an AnsibleModule and has no deadline.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [*arguments, project],
            env={**_environment(), "DOCKER_HOST": docker_host},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise EngineError(
            f"the docker command line '{command[0]}' is not installed here, and docker stack deploy needs it: "
            f"install it (role docker does)"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"docker stack deploy of '{project}' did not end within {timeout:g} s") from error
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    said = [line for line in said if not line.startswith(_NOISE)]
    if done.returncode != 0:
        raise EngineError(
            f"docker stack deploy of '{project}' failed: {' | '.join(said[-5:]) or f'exit code {done.returncode}'}"
        )
    return said


def _environment() -> dict[str, str]:
    # Nothing that could be interpolated into the document a second time, only what the command needs to run.
    return {
        name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG", "DOCKER_CERT_PATH") if name in os.environ
    }
