#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/scaling.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: relative_scale
short_description: Scale a colour relative to what runs
version_added: 1.0.0
description:
  - Scales by a step, a percentage, a factor or to a number, always against the running count and under the lock of the
    target, so that ten clients that each ask for one more get exactly ten more.
  - New instances are healthy, registered and in use at every proxy when the module returns. Instances that go are
    drained at the proxies first.
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
    support: partial
    details: With an absolute O(scale). A step is meant to change something each time.
options:
  scale:
    description:
      - A number (V(5)), a step (V(+2), V(-1)), a percentage (V(50%)) or a factor (V(x1.5)) of the running count.
    type: str
    required: true
  which:
    description: The colour that users get, the candidate, or both.
    type: str
    choices: [live, candidate, both]
    default: live
  min_scale:
    description: Fewest instances. A result below it is an error, not a silent limit.
    type: int
    default: 1
  max_scale:
    description: Most instances. A result above it is an error.
    type: int
  timeout:
    description: Seconds for new instances to be healthy, and for the proxies to confirm.
    type: int
    default: 300
  drain_timeout:
    description: Seconds to wait for open requests on instances that go.
    type: int
    default: 60
  max_failures:
    description: How many new instances may end by themselves before it is given up and undone.
    type: int
    default: 3
"""

EXAMPLES = r"""
- name: Two more
  dockerflow.delivery.relative_scale:
    project: books-ms
    target: app
    scale: "+2"
    max_scale: 10
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
colors:
  description: Per colour the running instances before and after.
  returned: always
  type: dict
  sample: {"blue": {"before": 1, "after": 3}}
cut:
  description: Requests per proxy that were still open on instances that went when O(drain_timeout) passed.
  returned: always
  type: dict
  sample: {}
wrong_guesses:
  description: Instances that were drained although Swarm then removed another one; they are back in rotation.
  returned: always
  type: int
  sample: 0
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import scaling

ARGUMENTS: dict[str, Any] = stage_arguments(
    "relative_scale",
    {
        "scale": {"type": "str", "required": True},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params
    times = {name: parameters[name] for name in ("timeout", "drain_timeout", "max_failures")}

    def connect() -> Release:
        Scale.parse(parameters["scale"])
        return connect_release(parameters)

    def plan(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        scale = Scale.parse(parameters["scale"])
        decided = scaling.plan_scale(
            truth, record, scale, parameters["which"], parameters["min_scale"], parameters["max_scale"]
        )
        return Planned(
            changed=decided.changed,
            result={
                "colors": {color: {"before": old, "after": new} for color, (old, new) in decided.steps.items()},
                "cut": {},
                "wrong_guesses": 0,
            },
            before={color: old for color, (old, _new) in decided.steps.items()},
            after={color: new for color, (_old, new) in decided.steps.items()},
            do=lambda: scaling.scale(release, decided, **times),
            goal=decided.goal,
        )

    run_stage(module, scaling.STAGE, connect, plan)


if __name__ == "__main__":
    main()
