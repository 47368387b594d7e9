# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where the modules meet Ansible: shared arguments, connections, the lock around a stage, and how errors end."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..consul.consul_client import CONSUL_IMPORT_ERROR
from ..consul.proxy_reports import Fleet
from ..consul.registry import Connection, Registry
from ..core.errors import DeliveryError, RegistryError
from ..release.lock import Holder, Renewal, RunLock
from ..release.release import Release, utc_now
from ..swarm.swarm_engine import DOCKER_IMPORT_ERROR, Engine

CONSUL_ARGUMENTS: dict[str, Any] = {
    "consul_addresses": {"type": "list", "elements": "str", "default": ["http://127.0.0.1:8500"]},
    "consul_token": {"type": "str", "no_log": True},
    "consul_token_file": {"type": "path", "no_log": False},
    "consul_ca_path": {"type": "path"},
    "consul_client_cert": {"type": "path"},
    "consul_client_key": {"type": "path", "no_log": False},
    "consul_datacenter": {"type": "str"},
    "consul_prefix": {"type": "str", "default": "docker-flow/"},
    "consul_timeout": {"type": "int", "default": 10},
}
DOCKER_ARGUMENTS: dict[str, Any] = {
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "docker_timeout": {"type": "int", "default": 30},
}
TARGET_ARGUMENTS: dict[str, Any] = {
    "project": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
}
RUN_ARGUMENTS: dict[str, Any] = {
    "run": {"type": "str"},
    "owner": {"type": "str"},
    "lock_wait": {"type": "int", "default": 75},
    "lock_ttl": {"type": "int", "default": 30},
    "take_over": {"type": "bool", "default": False},
    "exclude_proxies": {"type": "list", "elements": "str", "default": []},
    "progress_file": {"type": "path"},
}
STAGE_ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENTS,
    "keep_run": {"type": "bool", "default": False},
}


def new_module(arguments: Mapping[str, Any], **options: Any) -> AnsibleModule:
    """An AnsibleModule that supports check mode, after checking that the two Python packages are there."""
    module = AnsibleModule(argument_spec=dict(arguments), supports_check_mode=True, **options)
    for package, problem in (("docker", DOCKER_IMPORT_ERROR), ("py-consul", CONSUL_IMPORT_ERROR)):
        if problem is not None:
            module.fail_json(msg=missing_required_lib(package), exception=problem)
    return module


def take_variables(module: AnsibleModule, option: str) -> dict[str, str]:
    """The variables given in C(option), which C(no_log) keeps out of the system log, and from here on out of results.

    Ansible would mask their values wherever they occur, and every image C(app:2) where some variable is 2. No result
    of ours has them, so only the copy of the arguments that a verbose run shows is blanked.
    """
    variables = {name: str(value) for name, value in module.params[option].items()}
    module.params[option] = dict.fromkeys(variables, "(not shown)")
    module.no_log_values -= set(variables.values()) - {module.params["consul_token"]}
    return variables


def connect_registry(parameters: Mapping[str, Any]) -> Registry:
    """The registry that the C(consul_*) arguments describe."""
    if not parameters["consul_addresses"]:
        raise DeliveryError("consul_addresses is empty: name at least one, for example http://127.0.0.1:8500")
    token = parameters["consul_token"]
    if not token and parameters["consul_token_file"]:
        try:
            token = Path(parameters["consul_token_file"]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise DeliveryError(
                f"consul_token_file '{parameters['consul_token_file']}' cannot be read ({error.strerror}): correct the "
                f"path or its permissions"
            ) from error
    return Registry(
        Connection(
            addresses=tuple(parameters["consul_addresses"]),
            token=token or None,
            ca_path=parameters["consul_ca_path"],
            client_cert=parameters["consul_client_cert"],
            client_key=parameters["consul_client_key"],
            datacenter=parameters["consul_datacenter"],
            timeout=float(parameters["consul_timeout"]),
        )
    )


def prefix_of(parameters: Mapping[str, Any]) -> str:
    """The key prefix, with exactly one slash at its end."""
    prefix = str(parameters["consul_prefix"]).strip("/")
    if re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", prefix) is None:
        raise DeliveryError(
            f"consul_prefix '{parameters['consul_prefix']}' is not valid: use letters, digits and /_.- , for example "
            f"docker-flow/"
        )
    return f"{prefix}/"


def connect_release(parameters: Mapping[str, Any], project: str | None = None) -> Release:
    """Everything that a stage of one target works with. Nothing is changed by connecting."""
    registry = connect_registry(parameters)
    prefix = prefix_of(parameters)
    release = Release(
        engine=Engine(parameters["docker_host"], parameters["docker_timeout"]),
        registry=registry,
        fleet=Fleet(registry, prefix, frozenset(parameters.get("exclude_proxies") or ())),
        prefix=prefix,
        project=project or parameters["project"],
        target=parameters["target"],
        progress=_progress_writer(parameters.get("progress_file")),
    )
    registry.get(release.lock_key)  # Consul unreachable, a wrong token or datacenter: said before anything is touched.
    return release


@contextmanager
def held(module: AnsibleModule, release: Release, stage: str, *, keep_failed: bool = False) -> Iterator[None]:
    """Hold the lock of the target's run during a stage; in check mode there is no lock, because nothing changes.

    With C(run) the stage goes on with a run, else it starts one. The run ends with the stage unless C(keep_run) is set
    and the stage succeeded; then the next stage gets it as C(run). With C(keep_failed) also when it failed: whoever
    called it clears up under the same lock.
    """
    if module.check_mode:
        yield
        return
    parameters = module.params
    holder = Holder(parameters["owner"] or default_owner(), utc_now(), stage, parameters["run"] or "")
    if parameters["run"]:
        release.lock = RunLock.resume(release.registry, release.lock_key, holder)
    else:
        release.lock = take_lock(parameters, release, holder)
    renewal = Renewal(release.registry, release.lock.run, parameters["lock_ttl"])
    renewal.start()
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        renewal.finish()
        if parameters["keep_run"] and (succeeded or keep_failed):
            parameters["run"] = release.lock.run
        else:
            parameters["run"] = None
            with suppress(RegistryError):  # what the stage did or why it failed says more; the lock expires by itself
                release.lock.give_back()


def take_lock(parameters: Mapping[str, Any], release: Release, holder: Holder) -> RunLock:
    """Start a run as the C(lock_*) arguments say."""
    return RunLock.take(
        release.registry,
        release.lock_key,
        holder,
        ttl=parameters["lock_ttl"],
        wait=parameters["lock_wait"],
        take_over=parameters["take_over"],
        on_wait=lambda elapsed: release.progress(f"{elapsed:.0f} s: waiting for the lock of {release.service}"),
    )


@contextmanager
def journal(release: Release, stage: str, goal: str | None = None) -> Iterator[None]:
    """Write into the release record that the stage started, where it goes (see JournalEntry), and how it ended."""
    lock = release.held_lock()
    release.change_record(lambda record: record.entered(lock.run, lock.holder.owner, stage, utc_now(), goal))
    try:
        yield
    except DeliveryError:
        try:
            release.change_record(lambda record: record.left(stage, "failed", utc_now()))
        except DeliveryError:
            pass  # the stage's own error says more
        raise
    release.change_record(lambda record: record.left(stage, "done", utc_now()))


def default_owner() -> str:
    """Who runs this, as C(user@host)."""
    user = os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{user}@{socket.gethostname()}"


def finish(module: AnsibleModule, body: Callable[[], dict[str, Any]], stage: str | None = None) -> NoReturn:
    """Run the module's body and end with its result; a DeliveryError becomes the failure, with what was achieved.

    A failure names the C(stage), for who reads only its last line.
    """
    try:
        result = body()
    except DeliveryError as error:
        message = f"stage {stage}: {error}" if stage is not None else str(error)
        module.fail_json(msg=message, **{"changed": False, **error.result})
    finally:
        if module.params.get("progress_file"):
            Path(module.params["progress_file"]).unlink(missing_ok=True)
    if "keep_run" in module.params:
        result = {"run": module.params["run"], **result}
    module.exit_json(**result)


def _progress_writer(path: str | None) -> Callable[[str], None]:
    if path is None:
        return lambda _line: None

    def write(line: str) -> None:
        with suppress(OSError), Path(path).open("a", encoding="utf-8") as file:  # a full disk must not stop a flip
            file.write(line + "\n")

    return write
