# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of its ways to run the registrator takes, and what it runs with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator import __main__ as program
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrator_settings import Settings

COMMON = ("--ip", "10.0.0.1", "--consul-address", "http://127.0.0.1:8599")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The ways that were taken, after what the agent connects with."""
    found: list[Any] = []

    class PlayedAgent:
        def __init__(self, _settings: Settings, connect: Callable[[], Any]) -> None:
            found.append(connect())

        def _take(self, way: str, status: int) -> int:
            found.append(way)
            return status

        def once(self) -> int:
            return self._take("once", 3)

        def run(self) -> int:
            return self._take("run", 4)

        def withdraw(self) -> int:
            return self._take("withdraw", 5)

    monkeypatch.setattr(program, "Agent", PlayedAgent)
    # It sets up the log of the process.
    monkeypatch.setattr(logging, "basicConfig", lambda **_options: None)
    return found


@pytest.mark.parametrize(
    ("options", "way", "status"),
    [
        pytest.param((), "run", 4, id="run"),
        pytest.param(("--once",), "once", 3, id="once"),
        pytest.param(("--dry-run",), "once", 3, id="dry run"),
        pytest.param(("--withdraw",), "withdraw", 5, id="withdraw"),
        pytest.param(("--withdraw", "--once"), "withdraw", 5, id="withdraw once"),
    ],
)
def test_ways(ran: list[Any], options: tuple[str, ...], way: str, status: int) -> None:
    assert program.main([*COMMON, *options]) == status
    assert ran[1:] == [way]


def test_it_connects_to_the_agent_of_its_node(ran: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "s3cret")
    program.main(COMMON)
    connection = ran[0]._client.connection
    assert (connection.addresses, connection.token) == (("http://127.0.0.1:8599",), "s3cret")


@pytest.mark.parametrize("missing", ["CONSUL_IMPORT_ERROR", "DOCKER_IMPORT_ERROR"])
def test_a_missing_package_is_said(
    ran: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    monkeypatch.setattr(program, missing, ImportError("No module named 'x'"))
    assert program.main(COMMON) == 1
    assert ran == []
    assert caplog.messages == ["the Python packages docker and py-consul are needed: No module named 'x'"]
