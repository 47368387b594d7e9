# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that modules share; the same names stand as argument specs in module_utils/module/arguments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Connections, and what a stage of a release is told about its target and its run."""

    DOCUMENTATION = r"""
options:
  project:
    description:
      - Name of the Compose project, which is also the name of the Swarm stack. A DNS label.
    type: str
    required: true
  target:
    description:
      - The Compose service that is released blue-green. A DNS label, unless O(service_name) gives it another name.
    type: str
    required: true
  service_name:
    description:
      - Name of the service in Consul and for the proxies, a DNS label. By default C(<project>-<target>).
      - It belongs to what runs. Every stage of a target is given the same one, and another target cannot have it.
    type: str
"""

    CONNECTION = r"""
options:
  docker_host:
    description: Socket of a Docker Engine that is a Swarm manager.
    type: str
    default: unix:///var/run/docker.sock
  docker_timeout:
    description: Seconds after which one call to Docker fails.
    type: int
    default: 30
  consul_addresses:
    description:
      - URLs of Consul agents, tried in order until one answers.
    type: list
    elements: str
    default: ["http://127.0.0.1:8500"]
  consul_token:
    description:
      - ACL token, sent in a header. It needs C(key_prefix) and C(session) write for O(consul_prefix), and read for
        services and nodes.
    type: str
  consul_token_file:
    description: File on the managed host that holds the token. Ignored when O(consul_token) is given.
    type: path
  consul_ca_path:
    description: Certificate authority that signed Consul's certificate, a PEM file on the managed host.
    type: path
  consul_client_cert:
    description: Client certificate for Consul, a PEM file on the managed host.
    type: path
  consul_client_key:
    description: Key of O(consul_client_cert).
    type: path
  consul_datacenter:
    description: Consul datacenter; by default that of the agent.
    type: str
  consul_prefix:
    description: Prefix of all keys.
    type: str
    default: docker-flow/
  consul_timeout:
    description: Seconds after which one call to Consul fails and the next address is tried.
    type: int
    default: 10
requirements:
  - docker (the SDK) 7.0 or newer
  - py-consul 1.8 or newer
notes:
  - Runs on a Swarm manager, or anywhere that reaches O(docker_host) and O(consul_addresses).
"""

    RUN = r"""
options:
  run:
    description:
      - Id of the run that this stage goes on with, the C(run) that the stage before returned. Without it the
        stage starts
        a run, which takes the lock of the target.
    type: str
  owner:
    description: Who runs this, for those who find the lock held. By default user and host of the managed host.
    type: str
  lock_wait:
    description:
      - Seconds to wait for another run of the same target. The default outlasts the lock of a run that was killed.
    type: int
    default: 75
  lock_ttl:
    description: Seconds after which the lock of a run that does not renew it expires; Consul takes 10 to 86400.
    type: int
    default: 30
  take_over:
    description: End the run that holds the lock instead of waiting for it. Its further changes are refused.
    type: bool
    default: false
  exclude_proxies:
    description:
      - Members of the fleet that do not count. By default a member without a heartbeat blocks a flip unless its front
        port refuses connections, because it may well be serving.
    type: list
    elements: str
    default: []
  progress_file:
    description: File on the managed host to which the module appends a line while it waits for something.
    type: path
"""

    STAGE = r"""
options:
  keep_run:
    description: Keep the lock for the next stage, if this one succeeds. By default the run ends with this stage.
    type: bool
    default: false
"""
