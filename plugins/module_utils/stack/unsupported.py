# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What Swarm cannot do with a Compose service: each such key with the sentence that tells the user."""

from __future__ import annotations

from typing import Any

from .warnings import Warnings

# Keys without meaning for a service that a Swarm runs; leaving them out loses nothing.
WITHOUT_EFFECT = frozenset({
    "attach", "develop", "env_file", "expose", "extends", "label_file", "profiles", "pull_refresh_after",
})  # fmt: skip

# What is left out keeps a promise of the file that others rely on, or makes the program fail: each says which.
_KEYS = {
    "annotations": "Swarm has no container annotations",
    "blkio_config": "Swarm cannot weigh or limit block devices",
    "build": "the image is not built here, it must exist in a registry or on every node",
    "cgroup": "Swarm always uses the daemon's cgroup namespace mode",
    "cgroup_parent": "Swarm cannot choose the parent cgroup",
    "container_name": "Swarm names the containers of a service itself",
    "cpu_count": "Swarm limits processors with cpus only",
    "cpu_percent": "Swarm limits processors with cpus only",
    "cpu_period": "Swarm limits processors with cpus only",
    "cpu_quota": "Swarm limits processors with cpus only",
    "cpu_rt_period": "Swarm cannot give real-time scheduling",
    "cpu_rt_runtime": "Swarm cannot give real-time scheduling",
    "cpu_shares": "Swarm limits processors with cpus only",
    "cpuset": "Swarm cannot pin a service to processors",
    "device_cgroup_rules": "Swarm gives containers no devices, a program that opens one fails",
    "devices": "Swarm gives containers no devices, a program that opens one fails",
    "dns_opt": "a stack cannot set resolver options",
    "domainname": "Swarm sets no domain name, write it into hostname",
    "external_links": "Swarm has no links, share a network instead",
    "gpus": "Swarm knows only generic resources, see deploy.resources.reservations.generic_resources",
    "group_add": "a stack cannot add groups, write the group into user",
    "ipc": "Swarm cannot share an IPC namespace, each container has its own",
    "links": "Swarm has no links, services of one network reach each other by name",
    "mac_address": "Swarm chooses the MAC addresses",
    "mem_swappiness": "Swarm cannot set it",
    "memswap_limit": "Swarm cannot limit swap, the daemon's default applies",
    "models": "Swarm runs no models",
    "oom_kill_disable": "Swarm cannot switch the OOM killer off",
    "pid": "Swarm cannot share a PID namespace, each container sees its own processes only",
    "platform": "Swarm takes the platform of the node, use deploy.placement.constraints with node.platform.arch",
    "post_start": "Swarm runs no lifecycle hooks",
    "pre_start": "Swarm runs no lifecycle hooks",
    "pre_stop": "Swarm runs no lifecycle hooks",
    "privileged": "Swarm runs no privileged containers, name the capabilities that the program needs in cap_add",
    "provider": "Swarm has no providers",
    "runtime": "Swarm uses the daemon's default runtime",
    "security_opt": "a stack cannot set security options, so containers are confined as the daemon does by default",
    "storage_opt": "Swarm cannot limit a container's storage",
    "use_api_socket": "Swarm does not pass the API socket on, mount it",
    "userns_mode": "Swarm uses the daemon's user namespace mode, so root in it may be another user on the node",
    "uts": "Swarm cannot share a UTS namespace, set hostname",
    "volumes_from": "Swarm cannot take over another service's volumes, share a named volume",
}


def warn_unsupported(name: str, service: dict[str, Any], translated: frozenset[str], warnings: Warnings) -> None:
    """One warning per key of C(service) that is set and that a stack cannot express.

    C(translated) are the keys that the caller takes care of.
    """
    for key, value in service.items():
        if key in translated or key in WITHOUT_EFFECT or key.startswith("x-"):
            continue
        # false, null and empty values ask for nothing; zero may mean never.
        if value is False or value in (None, "", [], {}):
            continue
        warnings.dropped(name, key, _KEYS.get(key, "a stack does not know it"))
    policy = service.get("pull_policy")
    if policy in ("never", "build"):
        warnings.dropped(name, f"pull_policy: {policy}", "every node pulls an image that it does not have")
