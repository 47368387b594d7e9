# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process and everything it started, wherever that is by now: to kill, freeze or thaw them together.

Ansible gives its workers sessions of their own, so no process group holds them all; the tree in /proc does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path


class Family:
    """The process C(pid) and its descendants."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._frozen: list[int] = []

    def members(self) -> list[int]:
        """The living members, ancestors first; zombies are not among them."""
        parents = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                # The name (field 2) may hold blanks and parentheses; what follows its last ")" is regular.
                with contextlib.suppress(OSError):
                    state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                    if state != "Z":
                        parents[int(folder.name)] = int(parent)
        found = [self.pid] if self.pid in parents else []
        for member in found:
            found += [pid for pid, parent in parents.items() if parent == member]
        return found

    def freeze(self) -> None:
        """SIGSTOP to all; again until a look finds no new one, because one may fork while the others are stopped."""
        self._frozen = []
        while new := [pid for pid in self.members() if pid not in self._frozen]:
            for pid in new:
                _send(pid, signal.SIGSTOP)
            self._frozen += new
        _wait_until_stopped(self._frozen)

    def thaw(self) -> None:
        for pid in reversed(self._frozen):
            _send(pid, signal.SIGCONT)
        self._frozen = []

    def kill(self) -> None:
        """SIGKILL to all. They are frozen first: a parent that dies hands its children to init, out of our sight."""
        self.freeze()
        for pid in self._frozen:
            _send(pid, signal.SIGKILL)
        self._frozen = []


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def state_of(pid: int) -> str:
    """The letter that the kernel shows for a process (R, S, T …); X, for dead, also when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _wait_until_stopped(pids: list[int]) -> None:
    """A signal is delivered a moment after it was sent; a process in a system call stops at its end."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        states = set()
        for pid in pids:
            states.add(state_of(pid))
        if states <= {"T", "t", "Z", "X"}:
            return
        time.sleep(0.005)
