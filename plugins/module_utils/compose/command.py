# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Asking C(docker compose config), which needs no daemon, what a project's files mean."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from ..syntax.variables import referenced_variables
from .canonical import canonical

# Compose reports through a logger: time="…" level=warning msg="…".
_LOGGED = re.compile(r'time="[^"]*" level=(?P<level>\w+) msg="(?P<message>(?:[^"\\]|\\.)*)"')
_UNSET = re.compile(r'The "(?P<name>[^"]+)" variable is not set')
_NO_SERVICE = re.compile(r"no such service: (?P<name>\S+)")
_PROBE_SECONDS = 20.0


class NoSuchServiceError(Exception):
    """A service that was asked for, or that one of these depends on, is not in the file or its profile is inactive."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@functools.cache
def compose_available(command: tuple[str, ...]) -> bool:
    """Whether C(command), such as C(docker compose), is Compose v2 or later; asked once per process."""
    try:
        answer = run_client(command, ["version", "--short"], {}, _PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.match(r"v?(\d+)\.", answer.stdout.strip())
    return answer.returncode == 0 and version is not None and int(version.group(1)) >= 2


@dataclass(frozen=True, slots=True)
class Compose:
    """How C(docker compose) is asked of one project: the C(command), in which C(directory), of which C(files), with
    which C(env) besides what it needs itself, and for how many seconds at most.
    """

    command: tuple[str, ...]
    directory: Path
    files: tuple[Path, ...]
    env: Mapping[str, str] = field(repr=False)
    timeout: float


def run_config(
    compose: Compose, project_name: str | None, *, profiles: Sequence[str] = (), services: Sequence[str] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The resolved document, its C($$) undone, and Compose's warnings, one sentence each.

    Raises NoSuchServiceError, and DeliveryError with what Compose said about the file.
    """
    options = _options(compose.files, project_name)
    options += [word for profile in profiles for word in ("--profile", profile)]
    return resolve(compose, [*options, "config", "--format", "json", *services])


def resolve(compose: Compose, arguments: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What C(config) with these C(arguments) says, like run_config()."""
    output, log = _config(compose, arguments)
    try:
        document = json.loads(output)
    except json.JSONDecodeError as error:
        command = " ".join(compose.command)
        raise DeliveryError(f"'{command} config' printed no JSON: install Compose 2.3 or later") from error
    return canonical(_unescape(document)), _warnings(log, compose.files)


def service_names(compose: Compose, project_name: str | None) -> list[str]:
    """All services of the project, those of inactive profiles too, sorted: what a message can offer instead."""
    arguments = [*_options(compose.files, project_name), "config", "--no-consistency", "--format", "json"]
    every = replace(compose, env={**compose.env, "COMPOSE_PROFILES": "*"})
    output, _log = _config(every, arguments)
    return sorted(json.loads(output).get("services") or {})


def run_client(
    command: tuple[str, ...],
    arguments: Sequence[str],
    env: Mapping[str, str],
    timeout: float,
    directory: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """What the client C(command) says to C(arguments), whatever its exit status.

    C(env) is all of the environment that it gets, besides what it needs to run and to find its plugins; C(timeout) in
    seconds; C(directory), by default this process' own, is where it is run. Raises OSError when it cannot be started,
    FileNotFoundError among them, and subprocess.TimeoutExpired.
    """
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(f"'{command[0]}' is not installed")
    # Only what the client itself needs, so that a Compose file means the same whoever runs it. DOCKER_CONFIG is
    # where plugins are looked for; it is set because the variables given may hold another HOME.
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    home = Path(own.get("HOME", "/root"))
    own["DOCKER_CONFIG"] = os.environ.get("DOCKER_CONFIG", str(home / ".docker"))
    # Not run_command, which needs an AnsibleModule and has no deadline.
    return subprocess.run(  # pylint: disable=ansible-bad-function
        [program, *command[1:], *arguments],
        env={**own, **env},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )


def _options(files: Sequence[Path], project_name: str | None) -> list[str]:
    # The first file's directory is the project's, for relative paths, .env and the default name.
    options = [word for path in files for word in ("--file", str(path))]
    return [*options, "--project-name", project_name] if project_name else options


def _config(compose: Compose, arguments: Sequence[str]) -> tuple[str, str]:
    command = " ".join(compose.command)
    try:
        answer = run_client(compose.command, arguments, compose.env, compose.timeout, compose.directory)
    except subprocess.TimeoutExpired as error:
        raise DeliveryError(f"'{command} config' did not answer within {compose.timeout:g} s: try again") from error
    except OSError as error:
        raise DeliveryError(f"'{command}' cannot be run: {error}") from error
    if answer.returncode != 0:
        reason = _reason(answer.stderr)
        missing = _NO_SERVICE.search(reason)
        raise NoSuchServiceError(missing.group("name")) if missing else DeliveryError(_sentence(reason, compose.files))
    return answer.stdout, answer.stderr


def _reason(log: str) -> str:
    """What Compose wrote on its way out, on one line."""
    lines = [line.strip() for line in _LOGGED.sub("", log).splitlines() if line.strip()]
    return " ".join(lines).removesuffix(": invalid compose project").rstrip(".") or "it gave no reason"


def _sentence(reason: str, files: Sequence[Path]) -> str:
    """One sentence that names the file, all of them when Compose does not say which."""
    named = next((str(path) for path in files if f"{path}: " in reason), None)
    if named is not None:
        reason = reason.replace(f"validating {named}: ", "").replace(f"parsing {named}: ", "")
    where = named or ", ".join(str(path) for path in files)
    return f"Compose file {where} is not valid: {reason}"


def _warnings(log: str, files: Sequence[Path]) -> tuple[str, ...]:
    known: set[str] = set()
    for path in files:
        known |= referenced_variables(path.read_text(encoding="utf-8", errors="replace"))
    messages: list[str] = []
    for match in _LOGGED.finditer(log):
        message = re.sub(r"\\(.)", r"\1", match.group("message"))
        if match.group("level") != "warning" or "attribute `version` is obsolete" in message:
            continue
        unset = _UNSET.search(message)
        if unset is None:
            messages.append(message)
        elif unset.group("name") in known:
            messages.append(f"variable '{unset.group('name')}' of the Compose file is not set, its value is empty")
        else:
            # The name may be a piece of a password with a dollar sign in it, so it is not shown.
            messages.append(
                "a value in .env, an env_file or an included file refers to a variable that is not set: "
                "put values that contain a dollar sign in single quotes"
            )
    return tuple(dict.fromkeys(messages))


def _unescape(value: Any) -> Any:
    """Undo the doubling of dollar signs, which keeps Compose's output readable by Compose."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_unescape(item) for item in value]
    if isinstance(value, dict):
        return {key: _unescape(item) for key, item in value.items()}
    return value
