# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make this machine what the stories need, through the real playbook, and say where its parts are."""

from __future__ import annotations

from .consul import Consul
from .haproxy import Haproxy
from .playbook import Playbook
from .project import World
from .swarm import Swarm


def provision() -> World:
    """Run playbooks/provision.yml; AssertionError with its output when that fails."""
    result = Playbook("playbooks/provision.yml").run(timeout=300)
    assert result.succeeded, str(result)
    return machine()


def machine() -> World:
    """Where the parts of this machine are once it is provisioned."""
    return World(
        swarm=Swarm(),
        consul=Consul("http://127.0.0.1:8500"),
        haproxy=Haproxy("docker-flow-proxy", "/var/lib/docker-flow-proxy"),
        agent="docker-flow-proxy-agent",
        registrator="registrator",
        consul_container="consul",
        front="http://127.0.0.1",
    )
