# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the settings of a release on the controller; documented in plugins/modules/flow_settings.py."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.dockerflow.delivery.plugins.module_utils.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.flow_project import project_settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.flow_settings import setting_variables


class ActionModule(ActionBase):
    """Reads settings, environment and files of a project; nothing runs on the managed host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings, or one sentence on what is wrong with them."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(  # type: ignore[no-untyped-call]
            {
                "project_src": {"type": "path", "required": True},
                "flow": {"type": "list", "elements": "str", "default": []},
            }
        )
        given = task_vars or {}
        # Variables of plays and inventory are merged with the extra vars here, so only the names tell them apart.
        extra_names = set(load_extra_vars(self._loader))
        extra = setting_variables(extra_names & set(given), extra=True)
        inventory = setting_variables(set(given) - extra_names, extra=False)
        try:
            settings = project_settings(
                arguments["project_src"],
                environ=os.environ,
                inventory={name: self._templar.template(given[name]) for name in inventory},
                extra={name: self._templar.template(given[name]) for name in extra},
            )
        except DeliveryError as error:
            return {"failed": True, "msg": str(error)}
        if arguments["flow"]:
            settings["flow"] = arguments["flow"]
        return {"changed": False, "settings": settings, "_ansible_no_log": True}
