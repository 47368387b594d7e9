# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that the proxies cannot use: the error says what their checks got, whose fault it is and what helps.

Time budget: 150 s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.project import Project


@pytest.fixture(scope="module")
def causes(new_project: Callable[..., Project]) -> Project:
    return new_project("causes", lean=True)


@pytest.fixture
def books(causes: Project) -> Project:
    """Users are on version 1 of the sample as it is."""
    change(causes, ports=["8080"], healthcheck=None, command=None)
    stages.stand(causes, "1")
    return causes


def change(books: Project, **app: Any) -> None:
    """Set keys of the Compose service; None takes one out."""
    document = books.compose()
    document["services"]["app"] = {
        key: value for key, value in {**document["services"]["app"], **app}.items() if value is not None
    }
    books.write_compose(document)


def test_a_first_port_that_nobody_gets_is_the_programs_fault_and_target_port_helps(books: Project) -> None:
    change(books, ports=["9999", "8080"])
    with books.load(rate=50) as load:
        result = books.deploy("2", timeout=10)
    assert "stage proxy: proxies that did not confirm" in result.failure, str(result)
    assert re.search(r"0 of 1 instances of \w+ up \([\d.]+:\d+: connection refused\)", result.failure), result.failure
    for words in ("it is the program", "target_port", "last log lines: ", "listening on port 8080"):
        assert words in result.failure
    assert "exclude" not in result.failure
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"1"}
    books.release("2", target_port=8080)
    assert books.get().version == "2"


NO_CHECK = {"disable": True}


def test_a_program_without_a_health_check_has_the_whole_timeout_to_start(books: Project) -> None:
    change(books, healthcheck=NO_CHECK, command=["sh", "-c", "sleep 12; exec python3 /app/books.py"])
    with books.load(rate=50) as load:
        books.release("2", proxy_timeout=5)
    assert not load.report.lost, str(load.report)
    assert books.get().version == "2"


def test_one_that_ends_is_not_waited_for_to_the_end_and_says_why(books: Project) -> None:
    change(books, healthcheck=NO_CHECK, command=["sh", "-c", "sleep 8; echo no license found; exit 3"])
    result = books.deploy("2", max_failures=1)  # whichever stage has begun by then
    assert "exit code 3" in result.failure, str(result)
    assert "no license found" in result.failure
