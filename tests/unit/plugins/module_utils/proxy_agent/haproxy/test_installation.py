# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload: prepared, confirmed, or undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.atomic_files import DiskError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import (
    ProxyError,
    ServerState,
    Wanted,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.endpoint import Endpoint
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy import installation
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_driver import (
    HaproxyDriver,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_files import HaproxyFiles
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.installation import proven
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.server_names import server_name
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route
from ansible_collections.dockerflow.delivery.tests.unit.fakes.haproxy_cli import CliHaproxy

NewRoute = Callable[..., Route]
A, B = Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2)
BLUE = "books-blue"


def state(**values: bool) -> ServerState:
    usual = {"running": True, "maintenance": False, "drained": False, "checked": True, "proven": True}
    return ServerState(server_name(A), str(A), **{**usual, **values})


@pytest.mark.parametrize(
    ("states", "servers"),
    [
        pytest.param([state()], (A,), id="it is up"),
        pytest.param([state(running=False)], (), id="it is down"),
        pytest.param([state(drained=True)], (), id="it is drained"),
        pytest.param([state(maintenance=True)], (), id="it is half added"),
        pytest.param([], (), id="the worker does not know it"),
    ],
)
def test_only_what_gets_requests_stands_in_the_file(states: list[ServerState], servers: tuple[Endpoint, ...]) -> None:
    assert proven({BLUE: [A, B]}, {BLUE: {one.name: one for one in states}}) == {BLUE: servers}


def test_the_new_worker_learns_which_servers_are_up_and_a_later_start_does_not(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, files: HaproxyFiles, new_route: NewRoute
) -> None:
    haproxy_driver.running().serve({BLUE: Wanted([A])}, {})
    haproxy.checks_pass()
    haproxy_driver.running().serve({BLUE: Wanted([A, B])}, haproxy_driver.running().servers())
    haproxy_driver.restructure([new_route(), new_route("records")], {BLUE: [A, B]})
    assert list(haproxy.current.servers[BLUE]) == [server_name(A)], "B has not proven itself yet"
    assert f" {BLUE} 1 {server_name(A)} 10.0.0.1 2 0 " in haproxy.state_at_reload
    assert len(files.server_state.read_text().splitlines()) == 2, "a header alone"


def test_a_refused_reload_leaves_the_old_files_and_worker(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, files: HaproxyFiles, new_route: NewRoute
) -> None:
    before = files.config.read_text()
    haproxy.refuses = "Binding for frontend public: cannot bind socket"
    with pytest.raises(ProxyError, match="cannot bind socket"):
        haproxy_driver.restructure([new_route(), new_route("records")], {})
    assert files.config.read_text() == before
    assert [worker.pid for worker in haproxy.workers] == [21]
    assert len(files.server_state.read_text().splitlines()) == 2, "a header alone"


@pytest.mark.parametrize("file", ["server-state", "haproxy.cfg"])
def test_a_file_that_cannot_be_written_ends_it_before_the_reload_and_leaves_no_state(
    haproxy_driver: HaproxyDriver,
    haproxy: CliHaproxy,
    files: HaproxyFiles,
    new_route: NewRoute,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
) -> None:
    before = files.config.read_text()
    _fail_once(monkeypatch, file)
    with pytest.raises(DiskError, match=f"{file} is full"):
        haproxy_driver.restructure([new_route(), new_route("records")], {})
    assert [worker.pid for worker in haproxy.workers] == [21]
    assert files.config.read_text() == before
    assert len(files.server_state.read_text().splitlines()) == 2, "a header alone"


def test_what_cannot_be_cleaned_up_hides_no_reason(
    haproxy_driver: HaproxyDriver, haproxy: CliHaproxy, new_route: NewRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    haproxy.refuses = "cannot bind socket"
    monkeypatch.setattr(installation, "write_if_changed", _full)
    monkeypatch.setattr(installation, "forget_server_state", _full)
    with pytest.raises(
        ProxyError, match=r"cannot bind socket; and the old configuration could not be put back: .* full"
    ):
        haproxy_driver.restructure([new_route(), new_route("records")], {})


def _full(*_unused: object) -> None:
    raise DiskError("the disk is full")


def _fail_once(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    real, failed = installation.write_atomically, []

    def write(path: Path, text: str) -> None:
        if path.name == file and not failed:
            failed.append(path)
            raise DiskError(f"{file} is full")
        real(path, text)

    monkeypatch.setattr(installation, "write_atomically", write)
