#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/rollback.py and stages/proxy.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_rollback
short_description: Send users back to the previous release
version_added: 1.0.0
description:
  - A previous release that is still warm is served again by one flip. One that was stopped is started at the live
    count, proven as a new release is, and then flipped to.
  - The number of instances stays as it is; only the release goes back. The release that users leave stays up and
    becomes the previous one, so a second rollback goes forward again.
  - If the previous release does not become healthy, nothing changes for users.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
  - dockerflow.delivery.release
  - dockerflow.delivery.release.connection
  - dockerflow.delivery.release.run
  - dockerflow.delivery.release.stage
  - dockerflow.delivery.attributes
  - dockerflow.delivery.attributes.run
  - dockerflow.delivery.attributes.delivery
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details: Each call goes back to the release before.
options:
  timeout:
    description: Seconds for the previous release to become healthy, and for the proxies to confirm.
    type: int
    default: 300
  max_failures:
    description: How many instances may end by themselves before it is given up.
    type: int
    default: 3
seealso:
  - module: dockerflow.delivery.release_stop
"""

EXAMPLES = r"""
- name: The new release is bad
  dockerflow.delivery.release_rollback:
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
  description: The colour that users get.
  returned: always
  type: str
  sample: blue
warm:
  description: Whether the previous release still ran.
  returned: always
  type: bool
  sample: true
instances:
  description: Instances of the colour that users get.
  returned: always
  type: int
  sample: 2
revision:
  description: Revision of the route that every proxy confirmed.
  returned: when not in check mode
  type: int
  sample: 9
proxies:
  description: Per proxy, milliseconds from writing to its confirmation.
  returned: when not in check mode
  type: dict
  sample: {"proxy-1": {"prepared_ms": 3.1, "confirmed_ms": 21.0}}
skew_ms:
  description: Milliseconds between the first and the last proxy's confirmation.
  returned: when not in check mode
  type: float
  sample: 3.5
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import rollback

ARGUMENTS: dict[str, Any] = stage_arguments("release_rollback", {})


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params

    def plan(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        decided = rollback.plan_rollback(truth, record)
        return Planned(
            changed=decided.changed,
            result={"color": decided.color, "warm": decided.warm, "instances": decided.instances},
            before={"live": truth.live},
            after={"live": decided.color},
            do=lambda: rollback.roll_back(
                release, decided, timeout=parameters["timeout"], max_failures=parameters["max_failures"]
            ),
            goal=decided.color,
            unfinished=not decided.changed,
        )

    run_stage(module, rollback.STAGE, lambda: connect_release(parameters), plan)


if __name__ == "__main__":
    main()
