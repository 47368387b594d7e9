#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/project_removal.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_remove
short_description: Take a target, or a whole project, away altogether
version_added: 1.0.0
description:
  - Gives up the route, which every proxy confirms; waits for the last request; then removes the services of both
    colours and waits until their containers ended; then their configs and secrets, and the release record.
  - With O(target) left out, all targets of the project go, and its side targets. When nothing of the stack is left, its
    networks go too. Volumes are kept.
  - It needs neither the project's files nor its services, which may have been removed by other means. What cannot be
    confirmed is refused or ends with an error, and running it again finishes it.
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
  project:
    description: The project that goes, or that O(target) belongs to.
    type: str
    required: true
  target:
    description: Only this target goes; side targets stay. Without it the whole project goes.
    type: str
    required: false
  directory:
    description: Directory on the managed host with copies of the project's files; it goes with the last of the stack.
    type: path
  timeout:
    description: Seconds until every proxy must have confirmed that it gave up a route.
    type: int
    default: 60
  drain_timeout:
    description: Seconds to wait until the requests ended that were open when the route was given up.
    type: int
    default: 60
  stop_timeout:
    description: Seconds for the containers of each service to end.
    type: int
    default: 120
seealso:
  - module: dockerflow.delivery.proxy_reconfigure
  - module: dockerflow.delivery.release_info
"""

EXAMPLES = r"""
- name: Take one target away
  dockerflow.delivery.release_remove:
    project: books-ms
    target: app

- name: Take a whole project away
  dockerflow.delivery.release_remove:
    project: books-ms
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
named:
  description: What was to go, in words.
  returned: success
  type: str
  sample: project books-ms
project:
  description: The project.
  returned: success
  type: str
  sample: books-ms
removed:
  description: What went, or would go in check mode, by kind.
  returned: success
  type: dict
  sample:
    routes: [books-ms-app]
    services: [books-ms_app-blue, books-ms_app-green]
    configs_and_secrets: []
    networks: [books-ms_default]
    directories: []
    records: [books-ms-app]
kept:
  description:
    - What stays, by kind. Volumes are those of the node that the module asks; C(directories), where there are any, are
      what is in O(directory) and was never brought there, so that a container mounts it.
  returned: success
  type: dict
  sample: {"volumes": ["books-ms_data"], "services": [], "networks": []}
emptied:
  description: Whether nothing of the project's stack is left but volumes, or would be left in check mode.
  returned: success
  type: bool
  sample: true
cut:
  description: By service, the requests per proxy that were still open when O(drain_timeout) passed.
  returned: success
  type: dict
  sample: {}
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.names import check_dns_label
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import Connected, connect
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.held_run import held_run
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.progress_file import progress_writer
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import finish
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import Engine
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.journal import journal
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.known_targets import (
    Target,
    known_name,
    mistyped,
    recorded_targets,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import Run
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import project_removal
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.project_removal import How, RemovalPlan

ARGUMENTS: dict[str, Any] = stage_arguments(
    "release_remove", {"target": {"type": "str"}, "directory": {"type": "path"}}
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params
    how = How(parameters["timeout"], parameters["drain_timeout"], parameters["stop_timeout"])

    def body() -> dict[str, Any]:
        project, target = check_dns_label("project", parameters["project"]), parameters["target"] or None
        connected = connect(parameters)
        progress = progress_writer(parameters["progress_file"])
        # A name that was chosen is that of one target, never of a whole project.
        service_name = parameters["service_name"] if target is not None else None
        releases = chosen(connected, project, target, service_name, progress)
        with ExitStack() as locks:
            for release in releases:
                locks.enter_context(held_run(module, release, project_removal.STAGE))
            plan = project_removal.plan_removal(
                connected.engine, project, releases, whole=target is None, directory=parameters["directory"]
            )
            if not plan.changed and (meant := mistyped_name(connected, project, target)) is not None:
                module.warn(f"nothing of it is there: {meant}")
            result: dict[str, Any] = {
                "changed": plan.changed,
                "named": f"project {project}" if target is None else f"target {target} of project {project}",
                "project": project,
                "removed": plan.shown(),
                "kept": plan.kept,
                "emptied": plan.emptied,
                "cut": {},
                "diff": {"before": plan.shown(), "after": {kind: [] for kind in plan.shown()}},
            }
            if not module.check_mode:
                result.update(carry_out(connected, plan, how))
        for service, still_open in result["cut"].items():
            module.warn(f"requests of {service} that were still open after {how.drain_timeout:g} s: {still_open}")
        return result

    finish(module, body, project_removal.STAGE)


def chosen(
    connected: Connected, project: str, target: str | None, service_name: str | None, progress: Callable[[str], None]
) -> list[Release]:
    """The targets that go, in the order of their locks, which is the same for everybody."""
    recorded = recorded_targets(connected.store, connected.prefix)
    if target is not None:
        project_removal.refuse_side_target(connected.engine, project, target)
        names = [target]
    else:
        names = sorted(name for owner, name in known(connected.engine, recorded) if owner == project)
    return [
        connected.release(
            project, name, Run(progress), service_name or known_name(connected.engine, (project, name), recorded)
        )
        for name in names
    ]


def known(engine: Engine, recorded: Mapping[str, Target]) -> set[Target]:
    """Project and target of all that runs or is recorded."""
    return engine.released_targets() | set(recorded.values())


def carry_out(connected: Connected, plan: RemovalPlan, how: How) -> dict[str, Any]:
    """Take it away under the journals of all that goes, or make sure of what is gone already."""
    if not plan.changed:
        return project_removal.settle(plan, how)
    with ExitStack() as journals:
        for leaving in plan.targets:
            if leaving.is_there:
                leaving.release.record.delete(if_damaged=True)
                journals.enter_context(journal(leaving.release, project_removal.STAGE))
        return project_removal.remove(connected.engine, plan, how)


def mistyped_name(connected: Connected, project: str, target: str | None) -> str | None:
    """Nothing of it is there: it was removed before, or its name was meant otherwise, which this says."""
    there = known(connected.engine, recorded_targets(connected.store, connected.prefix))
    meant = mistyped(project, {owner for owner, _name in there})
    if meant is not None:
        return f"project '{project}' is not known, did you mean '{meant}'?"
    meant = mistyped(target, {name for owner, name in there if owner == project}) if target is not None else None
    return None if meant is None else f"target '{target}' of project '{project}' is not known, did you mean '{meant}'?"


if __name__ == "__main__":
    main()
