# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call a module in this process: the same code as in a playbook, without the seconds that Ansible takes to start it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from types import ModuleType
from typing import Any

from ansible.module_utils.testing import patch_module_args


def call(module: ModuleType, options: Mapping[str, Any]) -> dict[str, Any]:
    """What Ansible would get of the module; C(failed) is True in it when it failed."""
    output = io.StringIO()
    with redirect_stdout(output), patch_module_args(dict(options)), suppress(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(output.getvalue().strip().splitlines()[-1])
    return result
