#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is in plugins/action/flow_settings.py, because it runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: flow_settings
short_description: Read the settings of a release, its variables and its files, on the controller
version_added: 1.0.0
description:
  - Collects the settings of a release from C(docker-flow.yml) in the project directory, from C(FLOW_*) environment
    variables, from variables of the inventory and of plays, and from extra vars. Later wins, a list replaces a list.
  - The names are those of Docker Flow (C(target), C(side_targets), C(blue_green), C(service_path), C(flow), C(scale),
    C(project), C(pull_side_targets), C(compose_path)) and C(service_name), C(service_domain), C(check_path),
    C(front_door_path), C(target_port), C(timeout_server), C(retries), C(profiles), C(env), C(scale_which),
    C(min_scale), C(max_scale), C(force), C(with_registry_auth), C(timeout), C(proxy_timeout), C(test_tasks),
    C(test_timeout), C(preview_token), C(drain_timeout), C(stop_timeout), C(keep_warm), C(max_failures), C(lock_wait),
    C(take_over), C(exclude_proxies).
  - In the environment a name is written in capitals, with C(FLOW_) before it. C(FLOW) alone is C(FLOW_FLOW). Lists are
    separated by commas, C(FLOW_ENV) is C(NAME=value,OTHER=value).
  - In C(docker-flow.yml), in the environment and on the command line (C(-e), C(-e @file)) a value is the text that
    stands there, whatever YAML would make of it, as C(NO), C(0123), C(1.10), C(12:30), C(+2) or C(2024-02-30). In other
    variables YAML has replaced such a text before it is read here, so a text setting refuses a number, a flag or a date
    there, and wants it in quotes.
  - Values of C(docker-flow.yml) may be encrypted with Ansible Vault (C(!vault)), and so may the file as a whole.
  - As a variable every setting may carry the prefix C(flow_), for example C(flow_timeout). Without the prefix it may
    be given too, except for C(project), C(service_name), C(scale), C(retries), C(profiles), C(env), C(force) and
    C(timeout) outside of extra vars, because in an inventory these words often mean something else.
  - A name that is none of these is an error that tells the nearest one, and so is a setting of Docker Flow that this
    collection does not have, with what to use instead.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
  - dockerflow.delivery.attributes
attributes:
  check_mode:
    support: full
    details: It only reads.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  project_src:
    description: Directory of the Compose project on the controller. By default the working directory.
    type: path
  flow:
    description: Stages to run instead of those that the settings name.
    type: list
    elements: str
    default: []
seealso:
  - module: dockerflow.delivery.blue_green_deploy
notes:
  - The result may hold what the environment keeps secret, so it is never shown; a refusal is.
"""

EXAMPLES = r"""
- name: Read what is to be released
  dockerflow.delivery.flow_settings:
    project_src: "{{ playbook_dir }}/books-ms"
  register: release

- name: Bring the project to the manager
  dockerflow.delivery.release_files:
    project: "{{ release.settings.project }}"
    target: "{{ release.settings.target }}"
    src: "{{ playbook_dir }}/books-ms"
    files: "{{ release.settings.project_files }}"
    dest: /var/lib/docker-flow/projects

- name: Stop the old release as the settings say
  dockerflow.delivery.release_stop:
  module_defaults:
    dockerflow.delivery.release_stop: "{{ release.options.release_stop }}"
"""

RETURN = r"""
settings:
  description: All settings by their names, and what follows from them.
  returned: success
  type: dict
  contains:
    target:
      description: And so on, every setting under its own name, with its default where nothing gives it.
      type: str
      sample: app
    flow:
      description: The stages, checked for names and for orders that would harm.
      type: list
      elements: str
      sample: [deploy, test, proxy, verify, stop-old]
    project:
      description: Name of the project, as C(project), C(COMPOSE_PROJECT_NAME), the Compose file or the directory say.
      type: str
      sample: books-ms
    env:
      description:
        - Variables for the Compose file. Those of the controller's environment that the project's files refer to, and
          the setting C(env) over them. Nothing else leaves the controller.
      type: dict
      sample: {BOOKS_MS_VERSION: "2"}
    compose_path:
      description: The Compose files, relative to the project directory, as Compose finds them when none is given.
      type: list
      elements: str
      sample: [compose.yaml]
    project_files:
      description:
        - All files that the manager needs, relative to the project directory. Compose files and what these extend and
          include, C(.env), environment and label files, files of configs and secrets.
      type: list
      elements: str
      sample: [.env, compose.yaml]
    env_scopes:
      description:
        - For the option of M(dockerflow.delivery.blue_green_deploy) of that name. The configs and secrets whose
          variable only an included Compose file has, and the includes that lead there.
      type: dict
      sample: {secrets.password: [{project_directory: vault, env_file: []}]}
    encrypted_files:
      description:
        - Those of C(project_files) that Ansible Vault encrypted. M(dockerflow.delivery.release_files) decrypts them;
          where they lie they are of no use to Compose.
      type: list
      elements: str
      sample: [password.txt]
    project_src:
      description: The project directory, absolute.
      type: str
      sample: /home/me/books-ms
    service:
      description: Name of the service in Consul and in the proxies, C(service_name) or what follows from its absence.
      type: str
      sample: books-ms-app
options:
  description:
    - Per module of this collection, by its short name, the options that the settings mean. What is not set is left out.
      For C(module_defaults) of a block that holds the stages, as in the example.
  returned: success
  type: dict
  sample: {release_stop: {project: books-ms, target: app, keep_warm: 600}}
"""
