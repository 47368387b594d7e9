#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/deploy.py and stages/rolling.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: blue_green_deploy
short_description: Deploy a Compose service to the colour that no user sees
version_added: 1.0.0
description:
  - Reads a Compose project, picks the colour that no proxy serves, deploys O(target) to it together with
    O(side_targets), and returns when every instance is healthy and registered in Consul. Users stay on the live colour
    until M(dockerflow.delivery.proxy_reconfigure) sends them to the new one.
  - The coloured service keeps everything that the Compose file says of it. Its name, its colour, the number of its
    instances and its ports change; ports are published in host mode on a port that Docker chooses, so that the proxies
    see and check every instance.
  - A candidate that does not become healthy is removed, the error says why and shows its last log lines, and the live
    colour is not touched.
  - Modern Compose files are accepted when the Compose plugin is installed. What Swarm cannot do is named in a warning.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
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
    details: Not with a relative O(scale), and not with O(force).
options:
  project_src:
    description: Directory of the Compose project on the managed host.
    type: path
    required: true
  project_directory:
    description:
      - Where relative paths of mounts begin, if not in O(project_src). For files that lie in another place with every
        release, such as the RV(dockerflow.delivery.release_files#module:directory) of a snapshot.
    type: path
  files:
    description: Compose files in it. By default those that Compose takes by itself, the override file included.
    type: list
    elements: str
    default: []
  project:
    description: Name of the project. By default what the Compose file or its directory says.
    type: str
  target:
    description: The Compose service that is released.
    type: str
    required: true
  service_name:
    description: Name of the service in Consul and for the proxies, a DNS label. By default C(<project>-<target>).
    type: str
  side_targets:
    description:
      - Services brought up before it, without a colour, for example its database. They start in the order of
        C(depends_on), and O(target) once they are as its conditions say. Those that did not run before must become
        healthy too, or end well.
      - One that is waited for until it completed is a job of this release. It runs again when its image or definition
        changed.
    type: list
    elements: str
    default: []
  blue_green:
    description:
      - V(false) updates the service in place, instance by instance, new ones first, and fails when Swarm rolled it
        back.
    type: bool
    default: true
  scale:
    description:
      - Instances of the new release, V(5), V(+2), V(-1), V(50%) or V(x1.5), relative to the running count. By
        default as many as the live colour runs; for the first release what the Compose file says.
    type: str
  min_scale:
    description: Fewest instances that O(scale) may give.
    type: int
    default: 1
  max_scale:
    description: Most instances that O(scale) may give.
    type: int
  pull_side_targets:
    description: Take the side targets' image and instances from the Compose file, not from what runs.
    type: bool
    default: false
  env:
    description:
      - Variables for the Compose file, beside those of its C(.env). The module neither logs nor returns their values;
        what a program that fails, or Docker, says of them is in the error.
    type: dict
    default: {}
  env_scopes:
    description:
      - The configs and secrets that an included Compose file takes from a variable of its own C(.env), as
        C(secrets.<key>), with the includes that lead to it, the outermost first. Their paths are relative to
        O(project_src). M(dockerflow.delivery.flow_settings) finds them.
    type: dict
    default: {}
  profiles:
    description: Compose profiles that are active.
    type: list
    elements: str
    default: []
  force:
    description: Deploy even if exactly this release is live already.
    type: bool
    default: false
  target_port:
    description: Container port that users get. By default the first port of the service.
    type: int
  with_registry_auth:
    description: Give the nodes this host's credentials for private registries.
    type: bool
    default: false
  timeout:
    description: Seconds until every instance must be healthy, and before that for all O(side_targets) together.
    type: int
    default: 300
  drain_timeout:
    description: Seconds to wait for requests that are still open in the colour that is deployed over.
    type: int
    default: 60
  stop_timeout:
    description: Seconds for the containers of that colour to end; never less than C(stop_grace_period).
    type: int
    default: 120
  max_failures:
    description: How many instances may end by themselves before the candidate is given up.
    type: int
    default: 3
seealso:
  - module: dockerflow.delivery.proxy_reconfigure
"""

EXAMPLES = r"""
- name: Deploy version 2 beside what users see
  dockerflow.delivery.blue_green_deploy:
    project_src: /srv/books-ms
    target: app
    side_targets: [db]
    env:
      BOOKS_MS_VERSION: "2"
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
color:
  description: Colour of the release; V(null) without O(blue_green).
  returned: always
  type: str
  sample: green
project:
  description: Name of the project.
  returned: always
  type: str
  sample: books-ms
service:
  description: Name of the service in Consul and in the proxies.
  returned: always
  type: str
  sample: books-ms-app
swarm_service:
  description: Name of the service in Swarm.
  returned: always
  type: str
  sample: books-ms_app-green
instances:
  description: How many instances run.
  returned: always
  type: int
  sample: 2
image:
  description: Image, by digest where a registry has it.
  returned: always
  type: str
  sample: registry.example.com/books-ms:2@sha256:9b2f
spec:
  description: Hash of the definition, the image included. The same spec is the same release.
  returned: always
  type: str
  sample: 5f0c31d0
reason:
  description: Why nothing was deployed; empty when something was.
  returned: always
  type: str
  sample: ""
log:
  description: Last log lines of the instance that failed.
  returned: on failure
  type: list
  elements: str
  sample: ["no database"]
"""

from dataclasses import replace
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import load_project
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.relocation import relocated
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import (
    new_module,
    take_variables,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import (
    CONSUL_ARGUMENTS,
    DOCKER_ARGUMENTS,
    STAGE_ARGUMENTS,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import setting_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import deploy, rolling
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import DeployWish, Sources, prepare

ARGUMENTS: dict[str, Any] = {
    **CONSUL_ARGUMENTS,
    **DOCKER_ARGUMENTS,
    **STAGE_ARGUMENTS,
    **setting_arguments("blue_green_deploy"),
    "project_src": {"type": "path", "required": True},
    "env_scopes": {"type": "dict", "default": {}},
    "project_directory": {"type": "path"},
    "target": {"type": "str", "required": True},
}


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params
    variables = take_variables(module, "env")
    prepared: list[Sources] = []

    def connect() -> Release:
        wish = wish_of(parameters)
        project = load_project(
            parameters["project_src"],
            files=parameters["files"],
            services=[parameters["target"], *parameters["side_targets"]],
            env=variables,
            profiles=parameters["profiles"],
            project_name=parameters["project"],
            env_scopes=parameters["env_scopes"],
        )
        if parameters["project_directory"]:
            project = relocated(project, parameters["project_directory"])
        release = connect_release(parameters, project.name)
        colored, name = parameters["blue_green"], release.service
        sources = prepare(release.engine, project, parameters["target"], wish, colored=colored, service=name)
        for warning in sources.warnings:
            module.warn(warning)
        prepared.append(sources)
        return release

    def colored(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        wish, sources = wish_of(parameters), prepared[0]
        decided = deploy.plan_deploy(wish, truth, record, sources.spec, sources.image, sources.from_file)
        before = deploy.shown(truth.services.get(decided.color))
        planned = outcome(release, decided, decided.color, before, decided.reason)
        return replace(planned, do=lambda: deploy.deploy(release, sources, decided, wish))

    def in_place(release: Release, _truth: Truth, _record: ReleaseRecord) -> Planned:
        wish, sources = wish_of(parameters), prepared[0]
        service = release.engine.service(release.engine_name(None))
        decided = rolling.plan_rolling(wish, service, len(release.engine.running(service)), sources)
        planned = outcome(release, decided, None, deploy.shown(service), "exactly this release runs already")
        return replace(planned, do=lambda: rolling.roll(release, sources, decided, wish))

    run_stage(module, deploy.STAGE, connect, colored if parameters["blue_green"] else in_place)


def outcome(
    release: Release,
    decided: deploy.DeployPlan | rolling.RollingPlan,
    color: str | None,
    before: dict[str, Any],
    reason: str,
) -> Planned:
    """What the module returns of its plan; C(reason) says why nothing is to be done."""
    name = release.engine_name(color)
    after = {
        "service": name,
        "image": decided.image.reference,
        "instances": decided.instances,
        "spec": decided.spec,
    }
    return Planned(
        changed=decided.changed,
        result={
            "project": release.project,
            "service": release.service,
            "color": color,
            "swarm_service": name,
            "instances": decided.instances,
            "image": decided.image.reference,
            "spec": decided.spec,
            "reason": "" if decided.changed else reason,
        },
        before=before if decided.changed else after,
        after=after,
    )


def wish_of(parameters: dict[str, Any]) -> DeployWish:
    """The wish from the module's parameters; a malformed scale is refused here, before anything is asked."""
    same = ["min_scale", "max_scale", "pull_side_targets", "force", "target_port", "with_registry_auth", "timeout"]
    same += ["drain_timeout", "stop_timeout", "max_failures"]
    return DeployWish(
        side_targets=tuple(parameters["side_targets"]),
        scale=Scale.parse(parameters["scale"]) if parameters["scale"] else None,
        **{name: parameters[name] for name in same},
    )


if __name__ == "__main__":
    main()
