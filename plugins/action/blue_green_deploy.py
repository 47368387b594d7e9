# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows, while a module of this collection runs, what it waits for; meta/runtime.yml routes all that wait to here."""

from __future__ import annotations

import secrets
import shlex
import threading
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

# Seconds between two looks at what the module has written.
INTERVAL = 1.0


class ActionModule(ActionBase):
    """Runs the module of the same name, and follows its progress file meanwhile."""

    _requires_connection = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; what it returns is returned unchanged."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        follower = None
        if not self._task.check_mode and "progress_file" not in arguments and not self._task.async_val:
            arguments["progress_file"] = f"/tmp/.docker-flow-progress-{secrets.token_hex(8)}"
            follower = Follower(self, arguments["progress_file"], str((task_vars or {}).get("inventory_hostname", "")))
            follower.start()
        try:
            result: dict[str, Any] = self._execute_module(
                module_name=self._task.action,
                module_args=arguments,
                task_vars=task_vars,
                wrap_async=self._task.async_val,
            )
        finally:
            if follower is not None:
                follower.finish()
        (result.get("invocation") or {}).get("module_args", {}).pop("progress_file", None)
        return result

    def read_new_lines(self, path: str, seen: int) -> list[str]:
        """The lines of a file on the managed host from line C(seen) on; none while it does not exist."""
        command = f"tail -n +{seen + 1} {shlex.quote(path)} 2>/dev/null || true"
        answer = self._low_level_execute_command(command, sudoable=True)  # type: ignore[no-untyped-call]
        return [line for line in str(answer.get("stdout", "")).splitlines() if line.strip()]


class Follower(threading.Thread):
    """Prints new lines of the progress file. That it cannot read them never harms the release."""

    def __init__(self, action: ActionModule, path: str, host: str) -> None:
        super().__init__(daemon=True)
        self._action = action
        self._path = path
        self._host = host
        self._seen = 0
        self._shown = ""
        self._over = threading.Event()

    def run(self) -> None:
        """Look once a second until the module is done."""
        while not self._over.wait(INTERVAL):
            try:
                lines = self._action.read_new_lines(self._path, self._seen)
            except (AnsibleError, OSError):
                continue
            self._seen += len(lines)
            if lines and lines[-1] != self._shown:  # the last one says how far it is
                self._shown = lines[-1]
                display.display(f"[{self._host}] {self._shown}")

    def finish(self) -> None:
        """Stop looking. The module removes its file itself."""
        self._over.set()
        self.join(timeout=5)
