# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key that the Compose specification knows is kept, made up for, without meaning here, or named in a warning."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import stack_document
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.unsupported import WITHOUT_EFFECT
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

# The keys of a service in the specification's schema, with a value that asks for something. What the schema gains is
# warned of as well, by "a stack does not know it".
KEPT: dict[str, Any] = {
    "cap_add": ["NET_ADMIN"], "cap_drop": ["ALL"], "command": ["x"], "configs": [{"source": "c", "target": "/c"}],
    "credential_spec": {"file": "x"}, "dns": ["192.0.2.53"], "dns_search": ["example.org"], "entrypoint": ["x"],
    "environment": {"A": "1"}, "extra_hosts": ["a=192.0.2.1"], "healthcheck": {"test": ["CMD", "x"]}, "hostname": "x",
    "init": True, "isolation": "default", "labels": {"a": "b"}, "logging": {"driver": "none"},
    "networks": {"default": None}, "read_only": True, "secrets": [{"source": "s", "target": "s"}], "stdin_open": True,
    "stop_grace_period": "1m", "stop_signal": "SIGINT", "sysctls": {"a": "1"}, "tty": True, "ulimits": {"nofile": 1},
    "user": "1", "volumes": [{"type": "volume", "target": "/v"}], "working_dir": "/w",
}  # fmt: skip
# Where these come out under another name.
MOVED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "cpus": (0.5, ("deploy", "resources", "limits", "cpus")),
    "mem_limit": ("64m", ("deploy", "resources", "limits", "memory")),
    "mem_reservation": ("64m", ("deploy", "resources", "reservations", "memory")),
    "pids_limit": (9, ("deploy", "resources", "limits", "pids")),
    "restart": ("on-failure", ("deploy", "restart_policy")),
    "scale": (3, ("deploy", "replicas")),
    "shm_size": ("64m", ("volumes",)),
    "tmpfs": (["/t"], ("volumes",)),
    "deploy": ({"placement": {"constraints": ["a == b"]}}, ("deploy", "placement")),
    "ports": ([{"target": 80}], ("ports",)),
    "image": ("app:2", ("image",)),
    "network_mode": ("bridge", ("networks", "default")),
}
# Kept by a release itself (depends_on), by pinning images (pull_policy), or read before: nothing is lost.
ELSEWHERE = {"depends_on", "pull_policy", *WITHOUT_EFFECT}
WARNED: dict[str, Any] = {
    "annotations": {"a": "b"}, "blkio_config": {"weight": 1}, "build": {"context": "."}, "cgroup": "host",
    "cgroup_parent": "x", "container_name": "x", "cpu_count": 1, "cpu_percent": 1, "cpu_period": 1, "cpu_quota": 1,
    "cpu_rt_period": 1, "cpu_rt_runtime": 1, "cpu_shares": 1, "cpuset": "0", "device_cgroup_rules": ["c 1:3 mr"],
    "devices": ["/dev/null"], "dns_opt": ["use-vc"], "domainname": "x", "external_links": ["x"], "gpus": "all",
    "group_add": ["mail"], "ipc": "host", "links": ["db"], "mac_address": "x", "mem_swappiness": 0,
    "memswap_limit": "1g", "models": {"m": None}, "oom_kill_disable": True, "oom_score_adj": 5, "pid": "host",
    "platform": "linux/amd64", "post_start": [{"command": "x"}], "pre_stop": [{"command": "x"}], "privileged": True,
    "provider": {"type": "x"}, "runtime": "runc", "security_opt": ["no-new-privileges"], "storage_opt": {"size": "1G"},
    "use_api_socket": True, "userns_mode": "host", "uts": "host", "volumes_from": ["db"],
}  # fmt: skip
SPECIFICATION = {
    "annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command",
    "configs", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period",
    "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec", "depends_on", "deploy", "develop",
    "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "entrypoint", "env_file",
    "environment", "expose", "extends", "external_links", "extra_hosts", "gpus", "group_add", "healthcheck", "hostname",
    "image", "init", "ipc", "isolation", "label_file", "labels", "links", "logging", "mac_address", "mem_limit",
    "mem_reservation", "mem_swappiness", "memswap_limit", "models", "network_mode", "networks", "oom_kill_disable",
    "oom_score_adj", "pid", "pids_limit", "platform", "ports", "post_start", "pre_stop", "privileged", "profiles",
    "provider", "pull_policy", "pull_refresh_after", "read_only", "restart", "runtime", "scale", "secrets",
    "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs",
    "tty", "ulimits", "use_api_socket", "user", "userns_mode", "uts", "volumes", "volumes_from", "working_dir",
}  # fmt: skip


def release(key: str, value: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    project = shop({key: value}, configs={"c": {"external": True}}, secrets={"s": {"external": True}})
    document = stack_document(project, "app", "blue")
    return document.content["services"]["app-blue"], document.warnings


def test_each_key_of_the_specification_is_decided() -> None:
    assert {*KEPT, *MOVED, *ELSEWHERE, *WARNED} >= SPECIFICATION
    assert not (KEPT.keys() | MOVED.keys()) & WARNED.keys()


@pytest.mark.parametrize("key", KEPT)
def test_a_key_that_is_kept(key: str) -> None:
    service, warnings = release(key, KEPT[key])
    assert (service.get(key) not in (None, {}, []), warnings) == (True, ())


@pytest.mark.parametrize("key", MOVED)
def test_a_key_that_comes_out_elsewhere(key: str) -> None:
    value, path = MOVED[key]
    found, warnings = release(key, value)
    for step in path[:-1]:
        found = found[step]
    assert path[-1] in found
    assert warnings == ()


@pytest.mark.parametrize("key", WARNED)
def test_a_key_that_is_lost_is_named(key: str) -> None:
    service, warnings = release(key, WARNED[key])
    assert key not in service
    assert [one for one in warnings if one.startswith(f"service 'app': {key} is left out, ")]


def test_a_key_that_nobody_knows_yet() -> None:
    _service, warnings = release("invented", True)
    assert warnings == ("service 'app': invented is left out, a stack does not know it",)


PARTS = [
    *(({"healthcheck": {"test": ["CMD"], key: "1s"}}, f"healthcheck.{key}") for key in ("start_interval",)),
    *(
        ({"networks": {"default": {key: "1"}}}, f"networks.default.{key}")
        for key in (
            "driver_opts", "gw_priority", "interface_name", "ipv4_address", "ipv6_address", "link_local_ips",
            "mac_address", "priority",
        )
    ),
    *(({"volumes": [{"type": "volume", "target": "/v", "volume": {key: "x"}}]}, key) for key in ("labels", "subpath")),
    *(
        ({"volumes": [{"type": "bind", "source": "/etc/x", "target": "/v", "bind": {key: "x"}}]}, key)
        for key in ("recursive", "selinux")
    ),
    ({"volumes": [{"type": "tmpfs", "target": "/v", "tmpfs": {"mode": 448}}]}, "tmpfs.mode"),
    ({"volumes": [{"type": "image", "source": "x", "target": "/v"}]}, "the image mount on /v is left out"),
    ({"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}}, "reservations.devices"),
    ({"depends_on": {"db": {"restart": True}}}, "depends_on.db.restart"),
]  # fmt: skip


@pytest.mark.parametrize(("app", "said"), [pytest.param(*part, id=part[1]) for part in PARTS])
def test_a_part_of_a_key_that_is_lost_is_named(app: dict[str, Any], said: str) -> None:
    assert [one for one in stack_document(shop(app), "app", "blue", side_targets=["db"]).warnings if said in one]


@pytest.mark.parametrize(
    ("network", "said"),
    [
        pytest.param({"enable_ipv6": True}, "enable_ipv6 is left out", id="enable_ipv6"),
        pytest.param({"enable_ipv4": False}, "enable_ipv4 is left out", id="enable_ipv4 off"),
        pytest.param({"enable_ipv4": True}, "", id="enable_ipv4 on, as always"),
        pytest.param({"ipam": {"config": [{"gateway": "10.0.0.1"}]}}, "ipam.config.gateway is left out", id="gateway"),
    ],
)
def test_a_key_of_a_network_that_is_lost_is_named(network: dict[str, Any], said: str) -> None:
    warnings = stack_document(shop(networks={"default": network}), "app", "blue").warnings
    assert [said in one for one in warnings] == [True] * bool(said)
