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
    description: Seconds until every proxy confirmed it.
    type: int
    default: 60
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

from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import confirm
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.arguments import (
    CONSUL_ARGUMENTS,
    DOCKER_ARGUMENTS,
    STAGE_ARGUMENTS,
    TARGET_ARGUMENTS,
    connect_release,
    finish,
    held,
    journal,
    new_module,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import check_token
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import setting_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import preview as stage_preview
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import proxy as stage_proxy

ARGUMENTS: dict[str, Any] = {
    **CONSUL_ARGUMENTS,
    **DOCKER_ARGUMENTS,
    **STAGE_ARGUMENTS,
    **setting_arguments("release_preview"),
    **TARGET_ARGUMENTS,
    "token": {"type": "str", "required": True, "no_log": True},
}


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params

    def body() -> dict[str, Any]:
        check_token(parameters["token"], "token")
        release = connect_release(parameters)
        with held(module, release, stage_preview.STAGE, keep_failed=True):
            truth = release.truth()
            record, _index = release.record()
            plan = stage_preview.plan_preview(truth, record, parameters["token"])
            result: dict[str, Any] = {
                "changed": plan.changed,
                "color": plan.color,
                "front_doors": [proxy.address for _name, proxy in sorted(truth.fleet.items()) if proxy.alive],
                "headers": {"Host": plan.after.hosts[0]} if plan.after.hosts else {},
                "proxies": {},
                "diff": {
                    "before": {"preview": truth.route.preview.color if truth.route and truth.route.preview else None},
                    "after": {"preview": plan.color},
                },
            }
            if module.check_mode:
                return result
            if plan.changed:
                with journal(release, stage_preview.STAGE):
                    flip = stage_proxy.apply(release, plan, truth, parameters["timeout"])
                    result["proxies"] = flip["proxies"]
            else:
                confirm(release, plan.before or plan.after, parameters["timeout"], plan.color, plan.required)
            return result

    finish(module, body, stage_preview.STAGE)


if __name__ == "__main__":
    main()
