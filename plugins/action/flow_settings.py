# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the settings of a release on the controller; documented in plugins/modules/flow_settings.py."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import module_options
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.project_settings import project_settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.resolution import setting_variables

ARGUMENTS: dict[str, Any] = {
    "project_src": {"type": "path", "required": True},
    "flow": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Reads settings, environment and files of a project; nothing runs on the managed host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings and what they mean for modules, or one sentence on what is wrong with them."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS)  # type: ignore[no-untyped-call]
        given = task_vars or {}
        try:
            # Variables of plays and inventory are merged with the extra vars here, so only the names tell them apart.
            extra_names = set(load_extra_vars(self._loader))
            extra = setting_variables(extra_names & set(given), extra=True)
            inventory = setting_variables(set(given) - extra_names, extra=False)
            settings = project_settings(
                arguments["project_src"],
                environ=os.environ,
                inventory={name: self._templar.template(given[name]) for name in inventory},
                extra={name: self._templar.template(given[name]) for name in extra},
            )
            if settings["test_tasks"] is not None:
                self._check_tests(settings["test_tasks"])
        except DeliveryError as error:
            return {"failed": True, "msg": str(error)}
        if arguments["flow"]:
            settings["flow"] = arguments["flow"]
        options = module_options(settings)
        return {"changed": False, "settings": settings, "options": options, "_ansible_no_log": True}

    def _check_tests(self, path: str) -> None:
        """Refuse a file of tests that Ansible could not run, before anything is deployed.

        Found only when the tests begin, it would end the playbook at once, without clearing up.
        """
        try:
            tasks = self._loader.load_from_file(path)
        except AnsibleError as error:
            raise DeliveryError(f"test_tasks '{path}' cannot be read: {error.message}") from error
        self._check_tasks(path, tasks)

    def _check_tasks(self, path: str, tasks: Any) -> None:
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise DeliveryError(f"test_tasks '{path}' holds no list of tasks: write one as for include_tasks")
        for task in tasks:
            if "block" in task:
                for part in ("block", "rescue", "always"):
                    self._check_tasks(path, task.get(part) or [])
                continue
            try:
                ModuleArgsParser(task).parse()
            except AnsibleError as error:
                raise DeliveryError(f"test_tasks '{path}', task '{task.get('name', '?')}': {error.message}") from error
