# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the settings of a release on the controller; documented in plugins/modules/flow_settings.py."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.parsing.vault import EncryptedString
from ansible.plugins.action import ActionBase
from ansible.utils.path import unfrackpath
from ansible.utils.vars import combine_vars, load_extra_vars
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import module_options
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.project_settings import project_settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.resolution import (
    refuse_lost_texts,
    setting_variables,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.written import (
    as_written,
    parse_written,
    parse_written_json,
)

ARGUMENTS: dict[str, Any] = {
    "project_src": {"type": "path"},
    "flow": {"type": "list", "elements": "str", "default": []},
}


def decrypt(ciphertext: str) -> str:
    """What Ansible Vault encrypted, by the secrets that this run of Ansible was given."""
    try:
        return str(EncryptedString(ciphertext=ciphertext))
    except AnsibleError as error:
        raise DeliveryError(
            f"cannot be decrypted ({str(error).strip().splitlines()[0].rstrip('.')}): give its password with "
            f"--vault-password-file or --ask-vault-pass"
        ) from error


def _written(text: str) -> dict[str, Any]:
    try:
        found = parse_written_json(text)
    except ValueError:
        try:
            found = parse_written(text, "extra vars")
        except DeliveryError:
            found = None
    return dict(found) if isinstance(found, Mapping) else {}


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
            typed = self._written_extra_vars() if extra else {}
            settings = project_settings(
                arguments["project_src"],
                environ=os.environ,
                inventory=self._texts({name: given[name] for name in inventory}),
                extra=self._texts({name: as_written(given[name], typed.get(name)) for name in extra}),
                decrypt=decrypt,
            )
            if settings["test_tasks"] is not None:
                self._check_tests(settings["test_tasks"])
        except DeliveryError as error:
            return {"failed": True, "msg": str(error)}
        if arguments["flow"]:
            settings["flow"] = arguments["flow"]
        options = module_options(settings)
        return {"changed": False, "settings": settings, "options": options, "_ansible_no_log": True}

    def _texts(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The values of settings, their templates filled in; refused where a text was lost before we saw it."""
        refuse_lost_texts(variables)
        return {name: self._templar.template(value) for name, value in variables.items()}

    def _written_extra_vars(self) -> dict[str, Any]:
        """The extra vars as they stand on the command line and in its files; Ansible keeps only what YAML makes of it.

        What cannot be read in this way is left out: Ansible has read it, by rules of its own.
        """
        variables: dict[str, Any] = {}
        for option in context.CLIARGS.get("extra_vars") or ():
            if option.startswith("@"):
                # By now the loader takes relative paths for the playbook's; the option's were the command's.
                path = unfrackpath(option[1:], follow=False)
                if not Path(path).is_file():
                    continue  # a pipe gives its text once
                with contextlib.suppress(AnsibleError):
                    variables = combine_vars(variables, _written(self._loader.get_text_file_contents(path)))
            elif option.startswith(("{", "[")):  # else it is name=value, text already
                variables = combine_vars(variables, _written(option))
        return variables

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
