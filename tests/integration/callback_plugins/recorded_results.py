# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what every task started and ended with to a file, while the terminal shows what people see.

One line of JSON per event, flushed at once: what ended before a run was killed is known.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: recorded_results
type: notification
short_description: Record each task's result as a line of JSON
description:
  - For the integration tests, which look at the modules' results and at when each task ended.
options:
  path:
    description: File that the lines are appended to.
    type: path
    required: true
    env:
      - name: RECORDED_RESULTS
"""

import json
import time
from pathlib import Path
from typing import Any

from ansible.executor.task_result import CallbackTaskResult
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Notification callback; times are of the monotonic clock."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorded_results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, event: str, task: Task, **more: Any) -> None:
        fields = {"event": event, "at": time.monotonic(), "task": task.get_name(), "action": task.action, **more}
        with Path(self.get_option("path")).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(fields, default=str) + "\n")

    def _ended(self, status: str, result: CallbackTaskResult) -> None:
        if status == "ok" and result.result.get("changed"):
            status = "changed"
        self._write(status, result.task, host=result.host.get_name(), result=dict(result.result))

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        self._write("started", task)

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._ended("ok", result)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        self._ended("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        self._ended("skipped", result)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        self._ended("unreachable", result)
