# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.dialect import BASE_DIALECT
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.service import (
    _TRANSLATED,
    translate_service,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.unsupported import _KEYS, WITHOUT_EFFECT
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.warnings import Warnings
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.recorded import PROJECTS

# The properties of a service in the schema of the Compose specification, as of Compose 2.40.
SPECIFICATION = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging
mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy
pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period
stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir
""".split()  # noqa: SIM905  a list of ninety strings reads worse


def translate(service: dict[str, Any], dialect: tuple[int, int] = BASE_DIALECT) -> tuple[dict[str, Any], list[str]]:
    warnings = Warnings()
    result = translate_service(
        "app", {"image": "x", "networks": {"default": None}, **service}, "/project", dialect, warnings
    )
    return result, [sentence.removeprefix("service 'app': ") for sentence in warnings.sentences]


@pytest.mark.parametrize("key", SPECIFICATION)
def test_every_key_of_the_specification_is_known(key: str) -> None:
    places = [key in _TRANSLATED, key in _KEYS, key in WITHOUT_EFFECT]
    assert places.count(True) == 1


def test_the_fixture_uses_every_key() -> None:
    resolved = json.loads((PROJECTS / "everything/resolved.json").read_text())
    used = {key for service in resolved["services"].values() for key in service}
    # Compose resolves these away, or this Compose (2.26) does not know them yet.
    resolved_away = {"env_file", "extends", "label_file"}
    newer = {"gpus", "models", "post_start", "pre_stop", "provider", "pull_refresh_after", "use_api_socket"}
    assert set(SPECIFICATION) - used == resolved_away | newer


TRANSLATIONS: list[Any] = [
    pytest.param({"cpus": 0.5}, {"deploy": {"resources": {"limits": {"cpus": "0.5"}}}}, id="cpus"),
    pytest.param({"cpus": 0.00001}, {"deploy": {"resources": {"limits": {"cpus": "0.00001"}}}}, id="few cpus"),
    pytest.param(
        {"mem_limit": "67108864"}, {"deploy": {"resources": {"limits": {"memory": "67108864"}}}}, id="mem_limit"
    ),
    pytest.param(
        {"mem_reservation": "1g"},
        {"deploy": {"resources": {"reservations": {"memory": "1073741824"}}}},
        id="reservation",
    ),
    pytest.param({"pids_limit": 9}, {"deploy": {"resources": {"limits": {"pids": 9}}}}, id="pids_limit"),
    pytest.param({"pids_limit": -1}, {}, id="no pids limit"),
    pytest.param(
        {"mem_limit": "1g", "deploy": {"resources": {"limits": {"memory": "2g"}}}},
        {"deploy": {"resources": {"limits": {"memory": "2147483648"}}}},
        id="deploy wins",
    ),
    pytest.param({"restart": "no"}, {"deploy": {"restart_policy": {"condition": "none"}}}, id="restart no"),
    pytest.param({"restart": "always"}, {"deploy": {"restart_policy": {"condition": "any"}}}, id="restart always"),
    pytest.param(
        {"restart": "unless-stopped"}, {"deploy": {"restart_policy": {"condition": "any"}}}, id="unless-stopped"
    ),
    pytest.param(
        {"restart": "on-failure:3"},
        {"deploy": {"restart_policy": {"condition": "on-failure", "max_attempts": 3}}},
        id="on-failure",
    ),
    pytest.param(
        {"restart": "no", "deploy": {"restart_policy": {"condition": "any", "delay": "1s"}}},
        {"deploy": {"restart_policy": {"condition": "any", "delay": "1s"}}},
        id="restart_policy wins",
    ),
    pytest.param({"scale": 3}, {"deploy": {"replicas": 3}}, id="scale"),
    pytest.param({"scale": 3, "deploy": {"replicas": 0}}, {"deploy": {"replicas": 0}}, id="replicas win"),
    pytest.param({"environment": {"A": "1", "B": None}}, {"environment": {"A": "1"}}, id="unset variable"),
    pytest.param(
        {"extra_hosts": ["six=::1", "one=192.0.2.1"]}, {"extra_hosts": ["one:192.0.2.1", "six:::1"]}, id="extra_hosts"
    ),
    pytest.param(
        {"healthcheck": {"disable": True, "test": ["NONE"]}}, {"healthcheck": {"disable": True}}, id="no check"
    ),
    pytest.param(
        {"tmpfs": ["/a", "/b:size=1m,mode=1777"]},
        {"volumes": [{"type": "tmpfs", "target": "/a"}, {"type": "tmpfs", "target": "/b", "tmpfs": {"size": 1048576}}]},
        id="tmpfs",
    ),
    pytest.param(
        {"shm_size": "67108864"},
        {"volumes": [{"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 67108864}}]},
        id="shm_size",
    ),
    pytest.param(
        {"shm_size": "64m", "volumes": [{"type": "tmpfs", "target": "/dev/shm"}]},
        {"volumes": [{"type": "tmpfs", "target": "/dev/shm"}]},
        id="shm_size and a mount",
    ),
    pytest.param(
        {
            "volumes": [
                {"type": "volume", "source": "v", "target": "/v", "volume": {"nocopy": True}, "read_only": False}
            ]
        },
        {"volumes": [{"type": "volume", "source": "v", "target": "/v", "volume": {"nocopy": True}}]},
        id="volume",
    ),
    pytest.param(
        {"network_mode": "host", "networks": None}, {"networks": {"network-mode-host": None}}, id="host network"
    ),
    pytest.param(
        {"network_mode": "none", "networks": None}, {"networks": {"network-mode-none": None}}, id="no network"
    ),
    pytest.param({"networks": None}, {"networks": {"default": None}}, id="default network"),
    pytest.param(
        {"networks": {"n": {"aliases": ["a"], "ipv4_address": None}}},
        {"networks": {"n": {"aliases": ["a"]}}},
        id="alias",
    ),
    pytest.param({"privileged": False, "devices": [], "ipc": None}, {}, id="nothing asked for"),
    pytest.param({"depends_on": {"db": {"condition": "service_started"}}}, {}, id="plain dependency"),
    pytest.param({"depends_on": {"db": {"condition": "service_healthy"}}}, {}, id="condition, which a release keeps"),
    pytest.param({"x-note": 1, "expose": ["80"], "profiles": ["p"], "attach": False}, {}, id="without effect"),
]


@pytest.mark.parametrize(("given", "expected"), TRANSLATIONS)
def test_translated_without_loss(given: dict[str, Any], expected: dict[str, Any]) -> None:
    result, warnings = translate(given)
    assert result == {"image": "x", "networks": {"default": None}, **expected}
    assert warnings == []


LOSSES: list[Any] = [
    pytest.param({"privileged": True}, "privileged is left out, Swarm runs no privileged containers", id="privileged"),
    pytest.param({"devices": ["/dev/x"]}, "devices is left out, Swarm gives containers no devices", id="devices"),
    pytest.param({"future": 1}, "future is left out, a stack does not know it", id="unknown"),
    pytest.param({"pull_policy": "never"}, "pull_policy: never is left out, every node pulls", id="pull_policy"),
    pytest.param({"network_mode": "service:db"}, "network_mode: service:db is left out", id="network of a service"),
    pytest.param(
        {"networks": {"n": {"ipv4_address": "10.0.0.9"}}}, "networks.n.ipv4_address is left out", id="address"
    ),
    pytest.param({"networks": {"n": {"priority": 1}}}, "networks.n.priority is left out, Swarm cannot", id="priority"),
    pytest.param(
        {"depends_on": {"db": {"condition": "service_started", "restart": True}}},
        "depends_on.db.restart is left out",
        id="restart of a dependency",
    ),
    pytest.param({"tmpfs": ["/a:size=50%"]}, "option size=50% of the tmpfs on /a is left out", id="tmpfs in percent"),
    pytest.param({"tmpfs": ["/a:mode=0700"]}, "option mode=0700 of the tmpfs on /a is left out", id="tmpfs mode"),
    pytest.param(
        {"volumes": [{"type": "image", "source": "i", "target": "/i"}]}, "the image mount on /i is left", id="image"
    ),
    pytest.param(
        {"volumes": [{"type": "volume", "source": "v", "target": "/v", "volume": {"subpath": "s"}}]},
        "the mount on /v shows the whole volume, a stack cannot mount subpath s",
        id="subpath",
    ),
    pytest.param(
        {"volumes": [{"type": "bind", "source": "/project/site", "target": "/s", "bind": {"create_host_path": True}}]},
        "/project/site is mounted from the node, but the project's files are on one manager only",
        id="project directory",
    ),
    pytest.param(
        {"volumes": [{"type": "bind", "source": "/srv/x", "target": "/x", "bind": {"create_host_path": True}}]},
        "/srv/x must exist on every node that runs it",
        id="path on the node",
    ),
    pytest.param({"deploy": {"future": 1}}, "deploy.future is left out", id="deploy"),
    pytest.param(
        {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}},
        "deploy.resources.reservations.devices is left out",
        id="reserved device",
    ),
]


@pytest.mark.parametrize(("given", "expected"), LOSSES)
def test_loss_is_named(given: dict[str, Any], expected: str) -> None:
    _result, warnings = translate(given)
    assert len(warnings) == 1
    assert warnings[0].startswith(expected)


NEWER: list[Any] = [
    pytest.param({"healthcheck": {"test": ["CMD", "c"], "start_interval": "1s"}}, (3, 12), id="start_interval"),
    pytest.param({"oom_score_adj": 5}, (3, 13), id="oom_score_adj"),
    pytest.param({"networks": {"n": {"driver_opts": {"a": "b"}}}}, (3, 13), id="driver_opts"),
]


@pytest.mark.parametrize(("given", "since"), NEWER)
def test_what_only_newer_clients_know(given: dict[str, Any], since: tuple[int, int]) -> None:
    result, warnings = translate(given, since)
    assert {key: result[key] for key in given} == given
    assert warnings == []
    older, warnings = translate(given)
    assert {key: older.get(key) for key in given} != given
    assert len(warnings) == 1


def test_node_paths_that_exist_everywhere_need_no_warning() -> None:
    mount = {"type": "bind", "source": "/etc/localtime", "target": "/t", "bind": {"create_host_path": True}}
    assert translate({"volumes": [mount]})[1] == []
