# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Putting a configuration in force: reloaded without a lost request, undone when refused."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ...routes.route import Route
from ..atomic_files import DiskError, read_text, write_atomically, write_if_changed
from ..driver import Desired, Servers
from ..endpoint import Endpoint
from ..proxy_settings import Settings
from .config import render
from .haproxy_files import HaproxyFiles
from .server_names import server_name
from .sockets import HaproxyError, MasterSocket, Worker

LOG = logging.getLogger(__name__)


def install(settings: Settings, master: MasterSocket, routes: Iterable[Route], servers: Desired) -> Worker:
    """Reload with this structure; the new worker. HaproxyError or DeliveryError: the old configuration is back.

    Of the desired servers only those are written that are up now; the state file says so to the new worker. All others
    are added at run time afterwards and have to prove themselves.
    """
    files = HaproxyFiles(settings.paths.directory)
    worker = master.current()
    before = read_text(files.config)
    try:
        write_atomically(files.server_state, worker.server_state())
        write_atomically(files.config, render(settings, routes, proven(servers, worker.servers())))
        return master.reload()
    except HaproxyError as error:
        _put_back(files, before, error)
        raise
    finally:
        try:
            forget_server_state(files)
        except DiskError as error:  # it must not hide what went wrong; every start forgets it too
            LOG.warning("the servers' state of this reload is left: %s", error)


def _put_back(files: HaproxyFiles, before: str | None, refused: HaproxyError) -> None:
    if before is None:
        return
    try:
        write_if_changed(files.config, before)
    except DiskError as error:
        raise HaproxyError(f"{refused}; and the old configuration could not be put back: {error}") from refused


def forget_server_state(files: HaproxyFiles) -> None:
    """An old state must not mark servers as down at a start that nobody prepared."""
    write_atomically(files.server_state, "1\n" + _STATE_HEADER + "\n")


def proven(servers: Desired, states: Servers) -> dict[str, tuple[Endpoint, ...]]:
    """The servers that get requests now. The file lists no others: what it lists counts as up at a start."""
    found = {}
    for backend, wanted in servers.items():
        up = {name for name, state in states.get(backend, {}).items() if state.up}
        found[backend] = tuple(server for server in wanted if server_name(server) in up)
    return found


_STATE_HEADER = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
