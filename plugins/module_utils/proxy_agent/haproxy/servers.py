# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Bringing the servers of the current worker to what they should be, at run time.

Replaced workers need none of this: they hand their requests over to the current one (and HAProxy refuses server
commands in a worker that is stopping).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..driver import ServerState
from ..endpoint import Endpoint
from .answers import Traffic
from .config import CHECK
from .server_names import server_name, server_socket
from .sockets import HaproxyError, Worker

_REGISTERED = "New server registered."
_DELETED = "Server deleted."


def reconcile(
    worker: Worker,
    backend: str,
    desired: Sequence[Endpoint],
    draining: Collection[str],
    actual: Mapping[str, ServerState],
    traffic: Traffic,
) -> bool:
    """Add, prove, drain and remove the servers of one backend; whether something is left to be done later.

    C(draining) are instances (C(address:port)) that stay but get no new requests.
    """
    wanted = {server_name(server): server for server in desired}
    for name, server in wanted.items():
        _keep(worker, f"{backend}/{name}", server, actual.get(name), drained=str(server) in draining)
    pending = False
    for name, state in actual.items():
        if name not in wanted:
            pending |= not _withdraw(worker, f"{backend}/{name}", state, traffic.servers.get((backend, name), 0))
    return pending


def _keep(worker: Worker, target: str, server: Endpoint, state: ServerState | None, *, drained: bool) -> None:
    if state is None:
        worker.tell(f"add server {target} {server_socket(server)} {CHECK}", _REGISTERED)
    if state is None or state.maintenance or not state.checked:
        _make_it_prove_itself(worker, target)
        if drained:
            worker.tell(f"set server {target} state drain")
    elif drained != state.drained:
        if not drained and not state.proven:
            worker.tell(f"set server {target} health down")
        worker.tell(f"set server {target} state {'drain' if drained else 'ready'}")


def _make_it_prove_itself(worker: Worker, target: str) -> None:
    # A server that is merely added and enabled counts as up until its first checks failed, and loses requests until
    # then. In this order it is down until two checks passed.
    worker.tell(f"set server {target} state drain")
    worker.tell(f"enable health {target}")
    worker.tell(f"set server {target} health down")
    worker.tell(f"set server {target} state ready")


def _withdraw(worker: Worker, target: str, state: ServerState, open_requests: int) -> bool:
    """Whether the server is gone."""
    if not state.drained and not state.maintenance:
        worker.tell(f"set server {target} state drain")
        # A request may have been given to it since the requests were counted: removed next time.
        return False
    if open_requests and state.running:
        return False
    worker.tell(f"set server {target} state maint")
    try:
        worker.tell(f"del server {target}", _DELETED)
    except HaproxyError:
        return False  # connections are still attached to it; it gets no more
    return True
