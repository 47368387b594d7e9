#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/preview.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_preview
short_description: Let requests with a token reach the candidate through every proxy
version_added: 1.0.0
description:
  - Writes the digest of a token into the route of a service and returns when every proxy confirmed that all instances
    of the candidate are up. A request to a path of the service whose header C(X-Docker-Flow-Preview) has the token is
    answered by the candidate, every other one by the live colour as before.
  - The proxies take the header away before they pass a request on. The token opens this one service, and it ends when
    the candidate becomes live or is removed.
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
    details: The diff shows the colour of the preview, never its token.
  idempotent:
    support: full
    details: With the same token.
options:
  token:
    description: The secret, 16 or more visible ASCII characters.
    type: str
    required: true
  timeout:
    description: Seconds until every proxy confirmed it; until the candidate's first answer, O(start_timeout) holds.
    type: int
    default: 60
  start_timeout:
    description: Seconds that the instances may take until they answer the proxies' check for the first time.
    type: int
    default: 300
  max_failures:
    description: The wait for them ends when so many of them ended by themselves.
    type: int
    default: 3
seealso:
  - module: dockerflow.delivery.blue_green_deploy
  - module: dockerflow.delivery.proxy_reconfigure
"""

EXAMPLES = r"""
- name: Open the candidate to those who have the token
  dockerflow.delivery.release_preview:
    project: books-ms
    target: app
    token: "{{ preview_token }}"
  register: preview

- name: Ask it through the first proxy
  ansible.builtin.uri:
    url: "{{ preview.front_doors[0] }}/api/v1/books"
    headers: "{{ preview.headers | combine({'X-Docker-Flow-Preview': preview_token}) }}"
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
color:
  description: The candidate's colour.
  returned: success
  type: str
  sample: green
front_doors:
  description: URL of every proxy that has a heartbeat, without a path.
  returned: success
  type: list
  elements: str
  sample: ["http://10.0.0.11:80"]
headers:
  description: What a request needs beside the token, C(Host) where the route has a host name.
  returned: success
  type: dict
  sample: {"Host": "books.example.com"}
proxies:
  description: Per proxy, milliseconds from writing to its confirmation; empty when nothing changed.
  returned: success
  type: dict
  sample: {"proxy-1": {"prepared_ms": null, "confirmed_ms": 2205.1}}
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import Start
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import front_doors
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.rules import check_token
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import preview

ARGUMENTS: dict[str, Any] = stage_arguments(
    "release_preview",
    {
        "token": {"type": "str", "required": True, "no_log": True},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params
    start = Start(parameters["start_timeout"], parameters["max_failures"])

    def connect() -> Release:
        check_token(parameters["token"], "token")
        return connect_release(parameters)

    def plan(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        decided = preview.plan_preview(truth, record, parameters["token"])
        open_already = truth.route.preview if truth.route is not None else None
        return Planned(
            changed=decided.changed,
            result={
                "color": decided.color,
                "front_doors": list(front_doors(truth.fleet).values()),
                "headers": {"Host": decided.after.hosts[0]} if decided.after.hosts else {},
                "proxies": {},
            },
            before={"preview": open_already.color if open_already is not None else None},
            after={"preview": decided.color},
            do=lambda: preview.open_preview(release, decided, truth, parameters["timeout"], start),
            settle=lambda: preview.confirm_preview(release, decided, parameters["timeout"], start),
        )

    run_stage(module, preview.STAGE, connect, plan, keep_failed=True)


if __name__ == "__main__":
    main()
