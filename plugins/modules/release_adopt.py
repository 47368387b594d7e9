#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/adopt.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_adopt
short_description: Rebuild what Consul lost of a release that users are on
version_added: 1.0.0
description:
  - For a target that runs while Consul knows nothing of it, because its data was lost, or is that of another cluster.
    All other stages are refused then.
  - Asks every proxy and Docker what users get, refuses an O(live) that contradicts them, and writes the route and the
    release record again. The route is the one that the proxies still have in effect, else what the options say. Users
    notice nothing, and no container is touched.
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
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  live:
    description:
      - The colour that users get. Without it the module fails with what it found; nothing is guessed.
    type: str
    choices: [blue, green]
  service_path:
    description: Paths of the service, where no proxy has its route any more.
    type: list
    elements: str
    default: []
  service_domain:
    description: Host names of the service, where no proxy has its route any more.
    type: list
    elements: str
  check_path:
    description: Path that the proxies' health check asks for, where no proxy has its route any more.
    type: str
  retries:
    description: How often a proxy tries again, where no proxy has its route any more.
    type: int
  timeout_server:
    description: Seconds that an instance may take to answer, where no proxy has its route any more.
    type: int
  timeout:
    description: Seconds until every proxy confirmed the route.
    type: int
    default: 60
seealso:
  - module: dockerflow.delivery.release_info
"""

EXAMPLES = r"""
- name: Consul lost its data, users are on blue
  dockerflow.delivery.release_adopt:
    project: books-ms
    target: app
    live: blue
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
color:
  description: The colour that users get.
  returned: success
  type: str
  sample: blue
found:
  description: The colour by the route, the colour that each proxy sends users to, the running instances per colour.
  returned: success
  type: dict
  sample: {"route": null, "proxies": {"proxy-1": "blue"}, "running": {"blue": 2}}
route:
  description: The route as it stands in Consul.
  returned: success
  type: dict
  sample: {"service": "books-ms-app", "revision": 8, "paths": ["/api/v1/books"], "split": {"live": "blue"}}
proxies:
  description: Per proxy, milliseconds until its confirmation; empty in check mode, and when nothing was lost.
  returned: success
  type: dict
  sample: {"proxy-1": {"prepared_ms": null, "confirmed_ms": 21.0}}
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.route_wish import wish_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import adopt, proxy

ARGUMENTS: dict[str, Any] = stage_arguments(
    "release_adopt",
    {
        "live": {"type": "str", "choices": ["blue", "green"]},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params

    def plan(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        decided = adopt.plan_adopt(truth, record, parameters["live"], wish_of(parameters))
        before = proxy.shown(truth.route)
        return Planned(
            changed=decided.changed,
            result={
                "color": parameters["live"],
                "found": adopt.found(truth),
                "route": decided.route.to_document(),
                "proxies": {},
            },
            before=before,
            after=proxy.shown(decided.route),
            do=lambda: adopt.adopt(release, decided, truth, parameters["timeout"]),
        )

    run_stage(module, adopt.STAGE, lambda: connect_release(parameters), plan, certain=False)


if __name__ == "__main__":
    main()
