# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""HAProxy's command line, through the master process's socket: it reaches the current worker and all old ones."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...core.waiting import Deadline
from ..driver import Generation, ProxyAwayError, ProxyError, ServerState
from . import answers as worker_answers
from .answers import Traffic

# A command and its payload must fit into HAProxy's buffer of 16 KiB.
_PAYLOAD_LIMIT = 8192
_VERSION_CREATED = re.compile(r"New version created: (\d+)")


class HaproxyError(ProxyError):
    """HAProxy refused a command or answered something else than it should."""


class HaproxyAwayError(HaproxyError, ProxyAwayError):
    """HAProxy does not run, or the worker that was asked is gone."""


class MasterSocket:
    """The master's command line. Every call ends within C(timeout) seconds."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self.path = path
        self.timeout = timeout

    def call(self, command: str, timeout: float | None = None) -> str:
        """Send one command; its answer without the blank lines at the end."""
        deadline = Deadline(self.timeout if timeout is None else timeout)
        answer = bytearray()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(deadline.seconds)
                connection.connect(str(self.path))
                connection.sendall(command.encode() + b"\n")
                connection.shutdown(socket.SHUT_WR)
                while True:
                    connection.settimeout(max(deadline.remaining, 0.001))
                    part = connection.recv(65536)
                    if not part:
                        break
                    answer += part
        except TimeoutError as error:
            raise HaproxyError(f"HAProxy gave no answer to '{_first(command)}' in {deadline.seconds:g} s") from error
        except OSError as error:
            raise HaproxyAwayError(f"HAProxy does not answer on {self.path}: {error.strerror or error}") from error
        return answer.decode("utf-8", "replace").rstrip("\n")

    def workers(self) -> list[Generation]:
        """The current worker first, then the old ones that still finish requests."""
        return parse_processes(self.call("show proc"))

    def current(self) -> Worker:
        """The worker that takes new connections."""
        for process in self.workers():
            if process.current:
                return Worker(self, process)
        raise HaproxyAwayError("HAProxy has no current worker")

    def reload(self, timeout: float = 30.0) -> Worker:
        """Replace the worker by one with the configuration as the file has it, and return that; HaproxyError if not.

        From 2.7 on the answer says how it went. 2.6 closes the connection at once: then the list of workers tells.
        """
        deadline = Deadline(timeout)
        before = self.current().process.pid
        answer = self.call("reload", timeout)
        if "Success=0" in answer:
            raise HaproxyError(f"HAProxy refused the new configuration: {worker_answers.first_alert(answer)}")
        while not deadline.passed:
            try:
                worker = self.current()
            except HaproxyAwayError:  # the master listens again in a moment
                worker = None
            if worker is not None and worker.process.pid != before:
                return worker
            time.sleep(0.02)
        raise HaproxyError(f"HAProxy has no new worker {timeout:g} s after the reload: see the log of its container")


class Worker:
    """One worker's command line."""

    def __init__(self, master: MasterSocket, process: Generation) -> None:
        self.process = process
        self._master = master

    def ask(self, command: str) -> str:
        """The answer to a command; HaproxyAwayError when this worker is gone."""
        answer = self._master.call(f"@!{self.process.pid} {command}")
        if answer.startswith("Can't find the target"):
            raise HaproxyAwayError(f"worker {self.process.pid} of HAProxy is gone")
        return answer.strip("\n")

    def tell(self, command: str, expected: str = "") -> None:
        """A command that answers nothing, or just C(expected); anything else is a HaproxyError."""
        answer = self.ask(command)
        if answer != expected:
            raise HaproxyError(f"HAProxy answered '{' '.join(answer.split())}' to '{_first(command)}'")

    def structure(self) -> str:
        """The digest of the structure that this worker was started with."""
        return worker_answers.info(self.ask("show info")).get("description", "")

    def backends(self) -> set[str]:
        """The backends that this worker has."""
        return worker_answers.backends(self.ask("show backend"))

    def servers(self) -> dict[str, dict[str, ServerState]]:
        """Backend → server name → state."""
        return worker_answers.servers(self.server_state())

    def server_state(self) -> str:
        """The servers' state as HAProxy itself reads it after a reload."""
        answer = self.ask("show servers state")
        if not answer.startswith("1\n# be_id"):
            raise HaproxyError("HAProxy's list of servers has an unknown format: its version is not supported")
        return answer + "\n"

    def traffic(self) -> Traffic:
        """Open requests of backends and servers."""
        return worker_answers.traffic(self.ask("show stat -1 6 -1"))

    def map_entries(self, path: Path) -> list[tuple[str, str]]:
        """The entries of a map in this worker's memory."""
        return worker_answers.map_entries(self.ask(f"show map {path}"))

    def replace_map(self, path: Path, entries: Mapping[str, str]) -> None:
        """Put C(entries) in place of all others in one step, then read them back."""
        created = _VERSION_CREATED.fullmatch(self.ask(f"prepare map {path}"))
        if created is None:
            raise HaproxyError(f"HAProxy could not prepare a new version of {path}")
        version = created.group(1)
        for payload in payloads(entries):
            self.tell(f"add map @{version} {path} <<\n{payload}")
        self.tell(f"commit map @{version} {path}")
        self.check_map(path, entries)

    def check_map(self, path: Path, entries: Mapping[str, str]) -> None:
        """HaproxyError when this worker's memory holds anything else."""
        if sorted(self.map_entries(path)) != sorted(entries.items()):
            raise HaproxyError(f"worker {self.process.pid} of HAProxy does not have the entries of {path} it was given")


def parse_processes(answer: str) -> list[Generation]:
    """What C(show proc) says, the current worker first."""
    found = []
    current = False
    for line in answer.splitlines():
        if line.startswith("#"):
            current = line.startswith("# workers")
            continue
        fields = line.split()
        if len(fields) >= 5 and fields[1] == "worker":
            found.append(Generation(int(fields[0]), current, fields[-1].split("-")[0]))
    return sorted(found, key=lambda process: not process.current)


def payloads(entries: Mapping[str, str]) -> Iterable[str]:
    """Map entries as payloads of C(add map), each small enough for HAProxy's buffer and ended by an empty line."""
    lines: list[str] = []
    size = 0
    for key, value in sorted(entries.items()):
        line = f"{key} {value}\n"
        if lines and size + len(line) > _PAYLOAD_LIMIT:
            yield "".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield "".join(lines)


def _first(command: str) -> str:
    return command.split("\n", 1)[0]
