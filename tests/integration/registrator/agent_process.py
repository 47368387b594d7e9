# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registrator as a process of its own, to be signalled and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

MODULE = "ansible_collections.dockerflow.delivery.plugins.module_utils.registrator"
NODE = "rg-node"
IP = "172.17.0.1"


class AgentProcess:
    """C(options): further options. Its resync is so rare that a test sees the effect of events alone, unless told."""

    def __init__(self, folder: Path, consul_address: str, *options: str, **environment: str) -> None:
        self.log_file = folder / "agent.log"
        self._health_file = folder / "health"
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("CONSUL_")}
        self._environment.update(environment)
        self.command = [
            *(sys.executable, "-m", MODULE),
            *("--node", NODE, "--ip", IP, "--resync", "3600"),
            *("--consul-address", consul_address, "--health-file", str(self._health_file)),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> None:
        """Start; C(ready): wait until its first comparison succeeded."""
        self._health_file.unlink(missing_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self._environment)
        if ready:
            eventually(lambda: self.health().get("ok"), "the first comparison succeeded")

    def once(self, *options: str) -> tuple[int, str]:
        """Run with C(--once) or the given options; exit status and output."""
        finished = subprocess.run(
            [*self.command, *(options or ("--once",))],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return finished.returncode, finished.stdout + finished.stderr

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._running().send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; its exit status."""
        process, self._process = self._running(), None
        process.send_signal(number)
        return process.wait(20)

    def stop(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self.end(signal.SIGKILL)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    def log(self) -> str:
        """All it said since the first start."""
        return self.log_file.read_text()

    def health(self) -> dict[str, Any]:
        """The health file, empty before there is one."""
        try:
            return dict(json.loads(self._health_file.read_text()))
        except FileNotFoundError:
            return {}

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("the agent was not started")
        return self._process
