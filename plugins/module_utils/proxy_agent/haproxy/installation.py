# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Putting a configuration in force: checked first, reloaded without a lost request, undone when refused."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence

from ...core.errors import DeliveryError
from ...routes.route import Route
from ..atomic_files import read_text, write_atomically, write_if_changed
from ..endpoint import Endpoint
from ..proxy_settings import Settings
from . import answers as worker_answers
from .config import render
from .sockets import HaproxyError, MasterSocket, Worker

_CHECK_TIMEOUT = 30.0


def check_text(settings: Settings, text: str) -> str | None:
    """What `haproxy -c` has against the configuration, or None. Raises DeliveryError if it cannot be asked."""
    candidate = settings.paths.directory / ".candidate.cfg"
    write_atomically(candidate, text)
    try:
        outcome = subprocess.run(
            [settings.haproxy, "-c", "-f", str(candidate)],
            capture_output=True,
            text=True,
            timeout=_CHECK_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeliveryError(f"haproxy -c could not be run on this proxy: {error}") from error
    finally:
        candidate.unlink(missing_ok=True)
    return worker_answers.first_alert(outcome.stderr or outcome.stdout) if outcome.returncode else None


def find_culprits(settings: Settings, good: Mapping[str, Route], changed: Iterable[Route]) -> dict[str, str]:
    """Which of the changed routes make the configuration invalid, each tried alone beside the good ones."""
    culprits = {}
    for route in changed:
        problem = check_text(settings, render(settings, {**good, route.service: route}.values(), {}))
        if problem is not None:
            culprits[route.service] = f"HAProxy does not accept the route of '{route.service}': {problem}"
    return culprits


def install(
    settings: Settings, master: MasterSocket, routes: Iterable[Route], servers: Mapping[str, Sequence[Endpoint]]
) -> Worker:
    """Reload with this structure; the new worker. HaproxyError or DeliveryError: the old configuration is back.

    Of the desired servers only those are written that are up now; the state file says so to the new worker. All others
    are added at run time afterwards and have to prove themselves.
    """
    paths = settings.paths
    worker = master.current()
    before = read_text(paths.config)
    write_atomically(paths.server_state, worker.server_state())
    write_atomically(paths.config, render(settings, routes, proven(servers, worker.servers())))
    try:
        return master.reload()
    except HaproxyError:
        if before is not None:
            write_if_changed(paths.config, before)
        raise
    finally:
        forget_server_state(settings)


def forget_server_state(settings: Settings) -> None:
    """An old state must not mark servers as down at a start that nobody prepared."""
    write_atomically(settings.paths.server_state, "1\n" + _STATE_HEADER + "\n")


def proven(
    servers: Mapping[str, Sequence[Endpoint]], states: Mapping[str, Mapping[str, worker_answers.ServerState]]
) -> dict[str, tuple[Endpoint, ...]]:
    """The servers that get requests now. The file lists no others: what it lists counts as up at a start."""
    found = {}
    for backend, wanted in servers.items():
        up = {name for name, state in states.get(backend, {}).items() if state.up}
        found[backend] = tuple(server for server in wanted if server.name in up)
    return found


_STATE_HEADER = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
