#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; packing is in plugins/action/release_files.py, the work in compose/snapshot.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_files
short_description: Bring a project's files to the manager, exactly as the controller has them
version_added: 1.0.0
description:
  - Brings O(files) of a project to the managed host, under the lock of the target. The release reads a snapshot,
    RV(directory), all of them or none, so that neither what lies there from before, such as a C(.env) that is gone on
    the controller, nor what another target of the project brings at the same time is part of it.
  - The project's directory, in which containers mount relative paths, gets the same files, each in one step, and those
    that were brought before and are gone on the controller go. What was never brought is somebody's data and stays.
  - Killed anywhere, the next one ends it and clears up.
  - Files that Ansible Vault encrypted as a whole are decrypted on the way.
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
    details: >-
      What would change is told. RV(directory) is a directory for temporary files then, for the plan of the release;
      whoever plans removes it.
  diff_mode:
    support: full
    details: The names of files only, because files hold secrets.
  idempotent:
    support: full
options:
  src:
    description: Directory of the project on the controller.
    type: path
    required: true
  files:
    description: Paths of the files in it, as C(project_files) of M(dockerflow.delivery.flow_settings) gives them.
    type: list
    elements: str
    required: true
  dest:
    description: Directory on the managed host that holds one directory per project.
    type: path
    required: true
seealso:
  - module: dockerflow.delivery.flow_settings
  - module: dockerflow.delivery.blue_green_deploy
"""

EXAMPLES = r"""
- name: Bring the project to the manager
  dockerflow.delivery.release_files:
    project: books-ms
    target: app
    src: "{{ playbook_dir }}/books-ms"
    files: "{{ release.settings.project_files }}"
    dest: /var/lib/docker-flow/projects
    keep_run: true
  register: brought

- name: Deploy it
  dockerflow.delivery.blue_green_deploy:
    project_src: "{{ brought.directory }}"
    project_directory: "{{ brought.project_directory }}"
    target: app
    run: "{{ brought.run }}"
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
directory:
  description: Where the files of this release are. No other release changes them.
  returned: success
  type: str
  sample: /var/lib/docker-flow/projects/.books-ms/app/5e884898da280471
project_directory:
  description: The project's directory, which is always this one. Relative paths of mounts begin here.
  returned: success
  type: str
  sample: /var/lib/docker-flow/projects/books-ms
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.compose import snapshot
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.archive import unpack
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.held_run import held_run
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import finish
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.certainty import refuse_to_guess

# It is a part of this stage: who finds the lock held is told so.
STAGE = "deploy"
ARGUMENTS: dict[str, Any] = stage_arguments(
    "release_files",
    {
        "src": {"type": "path", "required": True},
        "files": {"type": "list", "elements": "str", "required": True},
        "dest": {"type": "path", "required": True},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params

    def body() -> dict[str, Any]:
        files = unpack(Path(parameters["src"]))
        home = Path(parameters["dest"])
        release = connect_release(parameters)
        with held_run(module, release, STAGE):
            # Under a wrong prefix nobody's lock is held: see to that before anything changes.
            refuse_to_guess(release, release.truth(), release.record.read())
            if module.check_mode:
                before = snapshot.present(home, release.project, files)
                directory = snapshot.write_plan(Path(tempfile.gettempdir()), files)
            else:
                brought = snapshot.bring(home, release.project, release.target, files, release.run.renew)
                directory, before = brought.directory, brought.before
        return {
            "changed": before != files,
            "directory": os.path.realpath(directory),
            "project_directory": str(home / release.project),
            "diff": {"before": shown(before or {}), "after": shown(files, before or {})},
        }

    finish(module, body, STAGE)


def shown(files: Mapping[str, bytes], before: Mapping[str, bytes] | None = None) -> str:
    """The names, one per line; those that hold something else than C(before) say so."""
    known = files if before is None else before
    return "".join(
        f"{name}{' (other content)' if name in known and known[name] != content else ''}\n"
        for name, content in sorted(files.items())
    )


if __name__ == "__main__":
    main()
