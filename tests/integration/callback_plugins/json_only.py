# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print one JSON document at the end and nothing else, as C(ansible.posix.json) does."""

from __future__ import annotations

DOCUMENTATION = r"""
name: json_only
type: stdout
short_description: Print one JSON document at the end
description:
  - For the integration tests, which read standard output as a machine would.
"""

import json

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Stdout callback; the document lists the names of the tasks that succeeded."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "json_only"

    def __init__(self) -> None:
        super().__init__()
        self._tasks: list[str] = []

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._tasks.append(result.task.get_name())

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        self._display.display(json.dumps({"tasks": self._tasks}))
