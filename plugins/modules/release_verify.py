#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/verify.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_verify
short_description: Make sure that what users get works, and goes on working for a while
version_added: 1.0.0
description:
  - Asks every proxy, Swarm and the release record whether they agree about the live release, again and again, until
    they did so without a break for O(steady) seconds, or half of O(timeout) if that is less. An instance that ends once
    and is replaced is no failed release; more than O(max_failures) of them are.
  - A proxy whose front door refuses connections serves nobody. It is named in a warning and not asked.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
  - dockerflow.delivery.release
  - dockerflow.delivery.release.connection
  - dockerflow.delivery.release.run
  - dockerflow.delivery.release.stage
  - dockerflow.delivery.attributes
  - dockerflow.delivery.attributes.delivery
  - dockerflow.delivery.attributes.run
attributes:
  check_mode:
    support: full
    details: In check mode it asks nobody, because what would be verified was only planned.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  timeout:
    description: Seconds within which all must be steady.
    type: int
    default: 60
  steady:
    description: Seconds for which all must agree without a break.
    type: int
    default: 2
  max_failures:
    description: How many instances may end by themselves meanwhile.
    type: int
    default: 3
seealso:
  - module: dockerflow.delivery.release_rollback
"""

EXAMPLES = r"""
- name: Does the new release work for its users
  dockerflow.delivery.release_verify:
    project: books-ms
    target: app
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
color:
  description: The colour that users get; V(null) where there is no route yet.
  returned: success
  type: str
  sample: green
drift:
  description: One sentence for each thing that is not as the others say it is; empty on success.
  returned: always, except when an instance failed
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import verify

ARGUMENTS: dict[str, Any] = stage_arguments(
    "release_verify",
    {
        "steady": {"type": "int", "default": 2},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params
    how = verify.Steadiness(parameters["timeout"], parameters["steady"], parameters["max_failures"])

    def plan(release: Release, truth: Truth, _record: ReleaseRecord) -> Planned:
        return Planned(
            changed=False,
            result={"color": truth.live, "drift": []},
            settle=lambda: verify.verify(release, how),
        )

    # Users are to be sent back under the same lock when it fails.
    run_stage(module, verify.STAGE, lambda: connect_release(parameters), plan, keep_failed=True)


if __name__ == "__main__":
    main()
