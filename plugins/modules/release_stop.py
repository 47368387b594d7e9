#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/stop.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_stop
short_description: Stop a colour that no proxy serves, after its open requests ended
version_added: 1.0.0
description:
  - Stops the old release. Waits until no proxy has an open request on it, takes it off the proxies and only then scales
    it to zero. Its definition stays in Swarm, so that M(dockerflow.delivery.release_rollback) can start it again.
  - Refuses a colour that any proxy serves.
  - With O(abort=true) it stops a candidate that shall not go live.
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
    support: full
options:
  color:
    description: Colour to stop. By default the one that no proxy serves.
    type: str
    choices: [blue, green]
  abort:
    description: Stop the recorded candidate, which never went live.
    type: bool
    default: false
  planned_live:
    description: In check mode only, the colour that a flip before this stage would have made live.
    type: str
    choices: [blue, green]
  keep_warm:
    description:
      - Seconds after the flip during which the old release stays up for an instant rollback. Before they passed, the
        module changes nothing and says until when (RV(warm_until)).
    type: int
    default: 0
  drain_timeout:
    description: Seconds to wait for open requests on the colour; what is open afterwards is cut and counted in RV(cut).
    type: int
    default: 60
  stop_timeout:
    description: Seconds for the containers to end after their stop signal.
    type: int
    default: 120
seealso:
  - module: dockerflow.delivery.proxy_reconfigure
  - module: dockerflow.delivery.release_rollback
"""

EXAMPLES = r"""
- name: Stop the old release, ten minutes after the flip at the earliest
  dockerflow.delivery.release_stop:
    project: books-ms
    target: app
    keep_warm: 600

- name: The tests failed, throw the candidate away
  dockerflow.delivery.release_stop:
    project: books-ms
    target: app
    abort: true
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
color:
  description: The colour that was stopped, or would be; V(null) when there is nothing to stop.
  returned: always
  type: str
  sample: blue
instances:
  description: How many instances of it were running.
  returned: always
  type: int
  sample: 2
reason:
  description: Why nothing was stopped; empty when something was.
  returned: always
  type: str
  sample: ""
cut:
  description: Requests per proxy that were still open when O(drain_timeout) passed.
  returned: always
  type: dict
  sample: {}
warm_until:
  description: Until when the old release stays up because of O(keep_warm), ISO 8601 in UTC.
  returned: when it is kept warm
  type: str
  sample: "2026-01-31T12:10:00Z"
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import utc_now
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import stop

ARGUMENTS: dict[str, Any] = stage_arguments(
    "release_stop",
    {
        "color": {"type": "str", "choices": ["blue", "green"]},
        "abort": {"type": "bool", "default": False},
        "planned_live": {"type": "str", "choices": ["blue", "green"]},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params

    def plan(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        if module.check_mode and parameters["planned_live"]:
            truth, record = stop.after_flip(truth, record, parameters["planned_live"])
        decided = stop.plan_stop(truth, record, parameters["color"], parameters["abort"])
        color = decided.color
        result: dict[str, Any] = {"color": color, "instances": decided.instances, "reason": decided.reason, "cut": {}}
        if color is None:
            return Planned(False, result)
        warm = None if parameters["abort"] else stop.warm_until(record, parameters["keep_warm"], utc_now())
        if warm is not None:
            reason = f"colour {color} is kept warm until {warm}"
            return Planned(False, {**result, "reason": reason, "warm_until": warm})
        service = release.engine_name(color)
        return Planned(
            changed=True,
            result=result,
            before={"service": service, "instances": decided.instances},
            after={"service": service, "instances": 0},
            do=lambda: stop.stop(release, color, parameters["drain_timeout"], parameters["stop_timeout"]),
        )

    run_stage(module, stop.STAGE, lambda: connect_release(parameters), plan)


if __name__ == "__main__":
    main()
