#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/release/status.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Show what is live, what runs, what the proxies serve, and where they disagree
version_added: 1.0.0
description:
  - Reads the release record, Swarm and every proxy's report, and compares them. Changes nothing and takes no lock.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
  - dockerflow.delivery.release.connection
  - dockerflow.delivery.attributes
  - dockerflow.delivery.attributes.delivery
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  project:
    description: Only this project. By default all that run in colours, are recorded, or have a route.
    type: str
  target:
    description: Only this target.
    type: str
  service_name:
    description:
      - Name in Consul of the target that O(project) and O(target) name, where nothing of it runs that says so.
    type: str
seealso:
  - module: dockerflow.delivery.blue_green_deploy
"""

EXAMPLES = r"""
- name: How do all releases stand
  dockerflow.delivery.release_info:
  register: info
"""

RETURN = r"""
releases:
  description:
    - One entry per target, sorted by service, also of one that nothing runs for any more. C(drift) holds one sentence
      for each disagreement, or the one on what is damaged in Consul. Of a service that is neither recorded nor runs,
      project and target are two names that make its own.
  returned: always
  type: list
  elements: dict
  sample:
    - project: books-ms
      target: app
      service: books-ms-app
      live: green
      candidate: null
      colors: {green: {swarm_service: books-ms_app-green, image: "books-ms:2", replicas: 2, running: 2}}
      proxies: {proxy-1: {address: "http://10.0.0.11:80", alive: true, live: green, revision: 7, error: null}}
      lock: null
      drift: []
proxies:
  description: What each proxy says of itself, and by service why it does not take a route.
  returned: always
  type: dict
  sample: {"proxy-1": {"address": "http://10.0.0.11:80", "alive": true, "member": true, "notes": [], "errors": {}}}
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import finish
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import CONSUL_ARGUMENTS, DOCKER_ARGUMENTS
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.known_targets import (
    known_name,
    recorded_targets,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.status import (
    proxies,
    shown_targets,
    status_or_why_not,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import setting_arguments

ARGUMENTS: dict[str, Any] = {
    **CONSUL_ARGUMENTS,
    **DOCKER_ARGUMENTS,
    **setting_arguments("release_info"),
}


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    wanted_project, wanted_target = module.params["project"], module.params["target"]

    def body() -> dict[str, Any]:
        connected = connect(module.params)
        fleet = connected.fleet.snapshot()
        recorded = recorded_targets(connected.store, connected.prefix)
        shown = shown_targets(connected.engine, connected.store, connected.prefix, fleet, recorded)
        found = {
            (project, target)
            for project, target in shown.values()
            if wanted_project in (None, project) and wanted_target in (None, target)
        }
        if wanted_project and wanted_target:
            found.add((wanted_project, wanted_target))
        # A name that was chosen is that of one target.
        chosen = module.params["service_name"] if wanted_project and wanted_target else None
        releases = [
            connected.release(*one, service_name=known_name(connected.engine, one, recorded) or chosen)
            for one in sorted(found)
        ]
        return {
            "changed": False,
            "releases": [status_or_why_not(release) for release in releases],
            "proxies": proxies(fleet),
        }

    finish(module, body)


if __name__ == "__main__":
    main()
