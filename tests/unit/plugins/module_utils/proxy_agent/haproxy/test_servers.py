# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any, cast

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import ServerState
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.answers import Traffic
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.server_names import server_name
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.servers import reconcile
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.sockets import (
    HaproxyError,
    Worker,
)

ONE = Endpoint("10.0.0.1", 80)
NAME = server_name(ONE)
TARGET = "a-blue/10.0.0.1_80"
PROOF = ["state drain", "enable health", "health down", "state ready"]


class RecordingWorker:
    """Notes what it is told; refuses what begins like C(refuses)."""

    def __init__(self, refuses: str = "nothing") -> None:
        self.told: list[str] = []
        self._refuses = refuses

    def tell(self, command: str, expected: str = "") -> None:
        if command.startswith(self._refuses):
            raise HaproxyError("refused")
        self.told.append(command)


def as_worker(worker: RecordingWorker) -> Worker:
    return cast("Worker", worker)


def _state(**values: Any) -> ServerState:
    usual = {"running": True, "maintenance": False, "drained": False, "checked": True, "proven": True}
    return ServerState(NAME, str(ONE), **{**usual, **values})


def _short(told: list[str]) -> list[str]:
    return [
        command.replace(f"set server {TARGET} ", "").replace(f" {TARGET}", "").split(" 10.0")[0] for command in told
    ]


@pytest.mark.parametrize(
    ("state", "wanted", "draining", "requests", "told", "pending"),
    [
        pytest.param(None, True, False, 0, ["add server", *PROOF], False, id="new: it proves itself"),
        pytest.param(None, True, True, 0, ["add server", *PROOF, "state drain"], False, id="new, but about to go"),
        pytest.param(_state(), True, False, 0, [], False, id="as it should be"),
        pytest.param(_state(running=False), True, False, 0, [], False, id="down: its check will tell"),
        pytest.param(
            _state(maintenance=True, running=False, checked=False), True, False, 0, PROOF, False, id="half added"
        ),
        pytest.param(_state(drained=True), True, False, 0, ["state ready"], False, id="back before it was gone"),
        pytest.param(
            _state(drained=True, proven=False),
            True,
            False,
            0,
            ["health down", "state ready"],
            False,
            id="back unproven",
        ),
        pytest.param(_state(), True, True, 0, ["state drain"], False, id="to be drained"),
        pytest.param(_state(drained=True), True, True, 0, [], False, id="drained as it should be"),
        pytest.param(_state(), False, False, 0, ["state drain"], True, id="withdrawn: drained first"),
        pytest.param(_state(drained=True), False, False, 3, [], True, id="withdrawn, requests open"),
        pytest.param(
            _state(drained=True), False, False, 0, ["state maint", "del server"], False, id="withdrawn, empty"
        ),
        pytest.param(
            _state(drained=True, running=False), False, False, 3, ["state maint", "del server"], False, id="and dead"
        ),
    ],
)
def test_reconcile(
    state: ServerState | None, wanted: bool, draining: bool, requests: int, told: list[str], pending: bool
) -> None:
    worker = RecordingWorker()
    later = reconcile(
        as_worker(worker),
        "a-blue",
        [ONE] if wanted else [],
        [str(ONE)] if draining else [],
        {NAME: state} if state else {},
        Traffic(servers={("a-blue", NAME): requests}),
    )
    assert _short(worker.told) == told
    assert later is pending


def test_a_server_that_cannot_be_removed_yet_is_tried_again() -> None:
    worker = RecordingWorker(refuses="del server")
    states = {NAME: _state(drained=True)}
    assert reconcile(as_worker(worker), "a-blue", [], [], states, Traffic())


def test_an_added_server_is_told_what_it_does_not_inherit() -> None:
    worker = RecordingWorker()
    reconcile(as_worker(worker), "a-blue", [ONE], [], {}, Traffic())
    assert (
        worker.told[0]
        == f"add server {TARGET} 10.0.0.1:80 check inter 1s fastinter 200ms downinter 300ms rise 2 fall 2"
    )
