# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy itself says, asked at its own sockets inside its container and not through its agent."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass

# There is no socat in the image, but Python.
_ASK = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1]);"
    " s.sendall(sys.argv[2].encode() + b'\\n'); s.shutdown(socket.SHUT_WR);"
    " print(b''.join(iter(lambda: s.recv(65536), b'')).decode(), end='')"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server line of the statistics."""

    name: str
    status: str  # UP, DOWN, DRAIN, MAINT …
    requests: int


class Haproxy:
    """One HAProxy container and the directory of its sockets inside it."""

    def __init__(self, container: str, directory: str) -> None:
        self.container = container
        self.directory = directory

    def master(self, command: str) -> str:
        """The answer of the master's command line."""
        return self._ask("master.sock", command)

    def worker(self, command: str) -> str:
        """The answer of the current worker."""
        return self._ask("worker.sock", command)

    def workers(self) -> list[int]:
        """Process ids inside the container, the current worker first, then those that still finish requests."""
        rows = [line.split() for line in self.master("show proc").splitlines()]
        return [int(row[0]) for row in rows if len(row) > 1 and row[1] == "worker"]

    def reload(self) -> None:
        """Replace the worker, as any change of the configuration does."""
        answer = self.master("reload")
        if "Success=1" not in answer:
            raise AssertionError(f"HAProxy refused to reload: {answer}")

    def servers(self, backend: str) -> dict[str, Server]:
        """The servers of a backend, for example books-ms-app-blue, by name."""
        rows = csv.DictReader(self.worker("show stat").lstrip("# ").splitlines())
        return {
            row["svname"]: Server(row["svname"], row["status"], int(row["stot"] or 0))
            for row in rows
            if row["pxname"] == backend and row["svname"] not in ("FRONTEND", "BACKEND")
        }

    def mentions(self, word: str) -> list[str]:
        """Where HAProxy still knows a word: its files, its maps in memory, its backends."""
        found = self._run("grep", "-l", "-r", "--", word, self.directory)
        maps = [line.split("(")[1].split(")")[0] for line in self.worker("show map").splitlines() if "(" in line]
        found += [f"map {name} in memory" for name in maps if word in self.worker(f"show map {name}")]
        return found + [f"backend {name}" for name in self.worker("show backend").splitlines() if word in name]

    def _ask(self, socket: str, command: str) -> str:
        return "\n".join(self._run("python3", "-c", _ASK, f"{self.directory}/{socket}", command))

    def _run(self, *command: str) -> list[str]:
        done = subprocess.run(
            ["docker", "exec", self.container, *command], capture_output=True, text=True, timeout=20, check=False
        )
        if done.returncode and done.stderr:
            raise AssertionError(f"{' '.join(command[:1])} in {self.container}: {done.stderr}")
        return done.stdout.splitlines()
