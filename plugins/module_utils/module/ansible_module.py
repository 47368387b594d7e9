# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Making an AnsibleModule that has the packages it needs and keeps what is secret to itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..consul.consul_client import CONSUL_IMPORT_ERROR
from ..swarm.swarm_engine import DOCKER_IMPORT_ERROR


def new_module(arguments: Mapping[str, Any], **options: Any) -> AnsibleModule:
    """An AnsibleModule that supports check mode, after checking that the two Python packages are there."""
    module = AnsibleModule(argument_spec=dict(arguments), supports_check_mode=True, **options)
    for package, problem in (("docker", DOCKER_IMPORT_ERROR), ("py-consul", CONSUL_IMPORT_ERROR)):
        if problem is not None:
            module.fail_json(msg=missing_required_lib(package), exception=problem)
    return module


def take_variables(module: AnsibleModule, option: str) -> dict[str, str]:
    """The variables given in C(option), which C(no_log) keeps out of the system log, and from here on out of results.

    Ansible would mask their values wherever they occur, and every image C(app:2) where some variable is 2. No result
    of ours has them, so only the copy of the arguments that a verbose run shows is blanked.
    """
    for name, value in module.params[option].items():
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            # A flag, a fraction or nothing: what YAML made of it is not what was written.
            module.fail_json(msg=f"{option} has no text for '{name}': put it in quotes")
    variables = {name: str(value) for name, value in module.params[option].items()}
    module.params[option] = dict.fromkeys(variables, "(not shown)")
    module.no_log_values -= set(variables.values()) - {module.params["consul_token"]}
    return variables
