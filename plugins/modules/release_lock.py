#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/release/lock.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_lock
short_description: Start and end a run, which holds the lock of its target
version_added: 1.0.0
description:
  - One release at a time per target. A run is a Consul session; the stages of a release get its id, O(run), and
    renew it.
  - A run that was killed frees the lock by itself, at most twice O(lock_ttl) later. A run that was frozen longer than
    that is refused by Consul and by Swarm when it wakes up.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
  - dockerflow.delivery.release
  - dockerflow.delivery.release.connection
  - dockerflow.delivery.release.run
  - dockerflow.delivery.attributes
  - dockerflow.delivery.attributes.run
  - dockerflow.delivery.attributes.delivery
attributes:
  check_mode:
    support: full
    details: In check mode no lock is taken, because nothing will be changed.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description: V(held) starts a run, or renews O(run). V(released) ends O(run).
    type: str
    choices: [held, released]
    default: held
  stage:
    description: What the run is doing, for those who find the lock held.
    type: str
    default: start
  hold_for:
    description:
      - Go on renewing the run for that many seconds, or until it ended or entered another stage. For a task with
        C(async) that holds the lock while something else runs, for example tests.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Start a run
  dockerflow.delivery.release_lock:
    project: books-ms
    target: app
  register: lock

- name: End it
  dockerflow.delivery.release_lock:
    project: books-ms
    target: app
    run: "{{ lock.run }}"
    state: released
"""

RETURN = r"""
run:
  description: Id of the run; V(null) in check mode and after the run ended.
  returned: always
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.held_run import enter, holder_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import finish
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import (
    CONSUL_ARGUMENTS,
    DOCKER_ARGUMENTS,
    RUN_ARGUMENTS,
    TARGET_ARGUMENTS,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.lock import RunLock
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import setting_arguments

ARGUMENTS: dict[str, Any] = {
    **CONSUL_ARGUMENTS,
    **DOCKER_ARGUMENTS,
    **RUN_ARGUMENTS,
    **setting_arguments("release_lock"),
    **TARGET_ARGUMENTS,
    "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
    "stage": {"type": "str", "default": "start"},
    "hold_for": {"type": "int", "default": 0},
}


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS, required_if=[("state", "released", ["run"])])
    parameters = module.params

    def body() -> dict[str, Any]:
        release = connect_release(parameters)
        if module.check_mode:
            return {"changed": False, "run": parameters["run"]}
        if parameters["state"] == "released":
            RunLock(release.store, release.keys.lock, holder_of(parameters, parameters["stage"])).give_back()
            return {"changed": False, "run": None}
        lock = enter(parameters, release, parameters["stage"])
        if parameters["hold_for"]:
            wait_until(
                lambda: not lock.renew_within_stage(),
                parameters["hold_for"],
                interval=parameters["lock_ttl"] / 6,
                max_interval=parameters["lock_ttl"] / 3,
            )
        return {"changed": False, "run": lock.run}

    finish(module, body)


if __name__ == "__main__":
    main()
