# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection and shows meanwhile what it waits for.

meta/runtime.yml routes every module that waits to here. The lines go to standard error: standard output belongs to the
callback plugin, which may be writing JSON there. C(DOCKER_FLOW_PROGRESS=no) in the controller's environment ends them.

The module runs as any other does, from Ansible's own thread on Ansible's connection. The file that it writes is read
from a thread that has a connection of its own, because each of these can tell where in an escalation it is only if
nobody else uses it. The module is not started as a job of C(async) and polled, which would do with one thread: such a
job survives an interrupt, keeps the module's arguments and result in files, and costs one to two seconds.
"""

from __future__ import annotations

import copy
import os
import secrets
import shlex
import threading
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.progress_file import PREFIX

display = Display()

# Seconds between two looks at what the module has written, and how long its end may be delayed by a look.
INTERVAL = 1.0
LAST_LOOK = 0.3
SWITCH = "DOCKER_FLOW_PROGRESS"


class ActionModule(ActionBase):
    """Runs the module that the task names, and follows its progress file."""

    _requires_connection = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; what it returns is returned unchanged."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        if not self._is_followed():
            return self._run_module(self._task.args, variables)
        path = f"/tmp/{PREFIX}{secrets.token_hex(8)}"
        reader = self._with_own_connection()
        host = str(variables.get("inventory_hostname", ""))
        follower = Follower(lambda seen: reader.read_new_lines(path, seen), host, INTERVAL)
        follower.start()
        try:
            result = self._run_module({**self._task.args, "progress_file": path}, variables)
        finally:
            follower.finish()
        module_args = (result.get("invocation") or {}).get("module_args")
        if isinstance(module_args, dict) and "progress_file" in module_args:
            module_args["progress_file"] = None  # as it was given
        return result

    def read_new_lines(self, path: str, seen: int) -> list[str]:
        """The lines of a file on the managed host from line C(seen) on; none while it does not exist."""
        command = f"tail -n +{seen + 1} {shlex.quote(path)} 2>/dev/null || true"
        answer = self._low_level_execute_command(command, sudoable=True)  # type: ignore[no-untyped-call]
        return [line for line in str(answer.get("stdout", "")).splitlines() if line.strip()]

    def _is_followed(self) -> bool:
        """Not where nothing is waited for, where nobody watches, and where the user follows the file himself."""
        task = self._task
        if task.check_mode or task.async_val or task.args.get("progress_file"):
            return False
        return bool(boolean(os.environ.get(SWITCH) or "yes", strict=False))

    def _run_module(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        # Where the task names it by a redirect or a short name, the resolved action is the module itself.
        result: dict[str, Any] = self._execute_module(
            module_name=self._task.resolved_action or self._task.action,
            module_args=dict(arguments),
            task_vars=variables,
            wrap_async=bool(self._task.async_val) and not self._connection.has_native_async,
        )
        return result

    def _with_own_connection(self) -> ActionModule:
        """Another of these whose connection and become plugin, which keep where they are, are nobody else's."""
        connection = copy.copy(self._connection)
        connection.become = copy.copy(connection.become)
        return ActionModule(
            self._task, connection, self._play_context, self._loader, self._templar, self._shared_loader_obj
        )


class Follower(threading.Thread):
    """Shows the last new line every C(interval) seconds. That it cannot read any never harms the release.

    C(read) gets the number of lines known and returns those after them; C(host) is named before each line.
    """

    def __init__(self, read: Callable[[int], list[str]], host: str, interval: float) -> None:
        super().__init__(daemon=True)
        self._read = read
        self._host = host
        self._interval = interval
        self._seen = 0
        self._shown = ""
        self._over = threading.Event()

    def run(self) -> None:
        """Look until the module is done."""
        while not self._over.wait(self._interval):
            self.look()

    def look(self) -> None:
        """Show what is new, unless the module ended meanwhile: its result says more."""
        try:
            lines = self._read(self._seen)
        except (AnsibleError, OSError, ValueError):
            return
        self._seen += len(lines)
        if lines and lines[-1] != self._shown and not self._over.is_set():  # the last one says how far it is
            self._shown = lines[-1]
            display.display(f"[{self._host}] {self._shown}", stderr=True)

    def finish(self) -> None:
        """Stop looking. The module removes its file itself; a look that hangs is not waited for."""
        self._over.set()
        self.join(timeout=LAST_LOOK)
