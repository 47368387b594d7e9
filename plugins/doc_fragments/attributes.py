# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module promises about check mode, diff mode, running twice and its action group."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes; a module states C(support) for each of those in DOCUMENTATION and extends DELIVERY as well.

    One that takes part in a run extends RUN before it, because the first fragment's word on an attribute counts.
    """

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict what it would change without changing it.
  diff_mode:
    description: Returns what it changed, or in C(check_mode) would change, as C(diff).
  idempotent:
    description:
      - Run a second time with the same options, and nothing else having changed, it changes nothing and returns
        C(changed=false).
requirements:
  - python 3.11 or newer
"""

    DELIVERY = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/dockerflow.delivery.delivery) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - dockerflow.delivery.delivery
"""

    RUN = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/dockerflow.delivery.delivery) in C(module_defaults) to set defaults for this module, and
        C(group/dockerflow.delivery.run) for those that take part in a run.
    support: full
    membership:
      - dockerflow.delivery.delivery
      - dockerflow.delivery.run
"""
