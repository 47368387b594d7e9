# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The settings of a flow: what each is called, what values it takes, and which options of modules get it.

This is the one place where a setting is declared. From here come the values that are accepted (resolution.py), and the
argument specs of modules and what they are called with (options.py). Tests compare the documentation with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .flow import DEFAULT_FLOW
from .values import Kind

DEPLOY, SCALE, PROXY = "blue_green_deploy", "relative_scale", "proxy_reconfigure"
PREVIEW, VERIFY, STOP, ROLLBACK = "release_preview", "release_verify", "release_stop", "release_rollback"
LOCK, ADOPT, FILES, REMOVE = "release_lock", "release_adopt", "release_files", "release_remove"
# Those that hold the lock of a target or wait for it; each goes on with a run or starts one.
RUN_MODULES = (DEPLOY, SCALE, PROXY, PREVIEW, VERIFY, STOP, ROLLBACK, LOCK, ADOPT, FILES, REMOVE)
EVERY_MODULE = (*RUN_MODULES, "release_info")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. C(inherited) tells those that Docker Flow had under the same name.

    A C(generic) name means other things in many inventories, so there it is read only with the prefix C(flow_).
    C(choices) empty: anything of the kind. C(minimum) bounds numbers. The value of a C(secret) is never logged.
    C(to) names the modules that get the setting, as C(module) or, where their option has another name,
    C(module.option).
    """

    name: str
    kind: Kind
    default: Any
    meaning: str
    inherited: bool = False
    generic: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    secret: bool = False
    to: tuple[str, ...] = ()


SETTINGS: tuple[Setting, ...] = (
    Setting("target", "text", None, "the Compose service that is released", inherited=True, to=EVERY_MODULE),
    Setting(
        "side_targets",
        "list",
        [],
        "services that are brought up with it, without a colour",
        inherited=True,
        to=(DEPLOY,),
    ),
    Setting(
        "project",
        "text",
        None,
        "Compose project; by default what Compose would call it",
        inherited=True,
        generic=True,
        to=EVERY_MODULE,
    ),
    Setting(
        "service_name",
        "text",
        None,
        "name of the service in Consul and for the proxies; by default <project>-<target>",
        generic=True,
        to=EVERY_MODULE,
    ),
    Setting(
        "compose_path", "list", [], "Compose files in the project directory", inherited=True, to=(f"{DEPLOY}.files",)
    ),
    Setting("flow", "list", list(DEFAULT_FLOW), "stages, in this order", inherited=True),
    Setting(
        "blue_green", "flag", True, "two colours; false updates the service in place", inherited=True, to=(DEPLOY,)
    ),
    Setting("scale", "text", None, "instances: 5, +2, -1, 50%, x1.5", inherited=True, generic=True, to=(DEPLOY, SCALE)),
    Setting(
        "service_path", "list", [], "paths of the service, each with a leading slash", inherited=True, to=(PROXY, ADOPT)
    ),
    Setting("pull_side_targets", "flag", False, "also renew the side targets", inherited=True, to=(DEPLOY,)),
    Setting("service_domain", "list", None, "host names of the service; none means any", to=(PROXY, ADOPT)),
    Setting(
        "check_path",
        "text",
        None,
        "path of the proxies' health check; by default the first service_path",
        to=(PROXY, ADOPT),
    ),
    Setting("front_door_path", "text", None, "path that is asked for through every proxy after the flip", to=(PROXY,)),
    Setting(
        "target_port", "number", None, "container port that users get; by default the first", minimum=1, to=(DEPLOY,)
    ),
    Setting(
        "timeout_server", "number", None, "seconds that an instance may take to answer", minimum=1, to=(PROXY, ADOPT)
    ),
    Setting(
        "retries",
        "number",
        None,
        "how often a proxy tries an instance again",
        generic=True,
        minimum=0,
        to=(PROXY, ADOPT),
    ),
    Setting("profiles", "list", [], "active Compose profiles", generic=True, to=(DEPLOY,)),
    Setting("env", "mapping", {}, "variables for the Compose file", generic=True, secret=True, to=(DEPLOY,)),
    Setting(
        "scale_which",
        "text",
        "live",
        "the colour that stage scale changes",
        choices=("live", "candidate", "both"),
        to=(f"{SCALE}.which",),
    ),
    Setting("min_scale", "number", 1, "fewest instances that scale may give", minimum=0, to=(DEPLOY, SCALE)),
    Setting("max_scale", "number", None, "most instances that scale may give", minimum=1, to=(DEPLOY, SCALE)),
    Setting("force", "flag", False, "deploy even what is live already", generic=True, to=(DEPLOY,)),
    Setting("with_registry_auth", "flag", False, "give the nodes this user's credentials for registries", to=(DEPLOY,)),
    Setting(
        "timeout",
        "number",
        300,
        "seconds until every new instance must be healthy, and until it must answer the proxies",
        generic=True,
        minimum=1,
        to=(DEPLOY, SCALE, ROLLBACK, f"{PROXY}.start_timeout", f"{PREVIEW}.start_timeout"),
    ),
    Setting(
        "proxy_timeout",
        "number",
        60,
        "seconds until every proxy must confirm",
        minimum=1,
        to=(f"{PROXY}.timeout", f"{PREVIEW}.timeout", f"{VERIFY}.timeout", f"{ADOPT}.timeout", f"{REMOVE}.timeout"),
    ),
    Setting(
        "drain_timeout",
        "number",
        60,
        "seconds to wait for open requests of what is stopped",
        minimum=0,
        to=(DEPLOY, SCALE, STOP, REMOVE),
    ),
    Setting("stop_timeout", "number", 120, "seconds for containers to end", minimum=1, to=(DEPLOY, STOP, REMOVE)),
    Setting("keep_warm", "number", 0, "seconds that the old release stays up after the flip", minimum=0, to=(STOP,)),
    Setting("test_tasks", "text", None, "file of tasks, in the project directory, that tests the candidate"),
    Setting("test_timeout", "number", 600, "seconds that the tests may take", minimum=1),
    Setting(
        "preview_token",
        "text",
        None,
        "secret that opens the candidate to the tests; by default a new one each time",
        secret=True,
    ),
    Setting(
        "max_failures",
        "number",
        3,
        "how many new instances may end by themselves",
        minimum=0,
        to=(DEPLOY, SCALE, ROLLBACK, VERIFY, PROXY, PREVIEW),
    ),
    Setting("lock_wait", "number", 75, "seconds to wait for another run of the target", minimum=0, to=RUN_MODULES),
    Setting("take_over", "flag", False, "end the run that holds the lock", to=RUN_MODULES),
    Setting("exclude_proxies", "list", [], "members of the fleet that do not count", to=RUN_MODULES),
)

# What Docker Flow had and this collection does otherwise. The sentence follows "<name> is not used any more: ".
OBSOLETE: Mapping[str, str] = {
    "cert_path": "modules run on the manager itself, reached over SSH; set docker_host where that is not wanted",
    "consul_address": "set consul_addresses, a list, in the inventory",
    "consul_template_be_path": "write service_path, service_domain and check_path instead of a template",
    "consul_template_fe_path": "write service_path, service_domain and check_path instead of a template",
    "host": "the manager is the host of the inventory's group managers",
    "proxy_docker_cert_path": "list the proxies' hosts in the inventory's group proxies",
    "proxy_docker_host": "list the proxies' hosts in the inventory's group proxies",
    "proxy_host": "list the proxies' hosts in the inventory's group proxies, all of them are reconfigured",
    "proxy_reconf_port": "proxies have no control port, they read their routes from Consul",
    "servicename": "set service_name to the name of the service in Consul, by default <project>-<target>",
    "test_compose_path": "name a file of tasks with test_tasks",
}
