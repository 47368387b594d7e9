# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: a bad version fails with the stage, the reason and its last log lines, and users never see it.

Time budget: 180 s.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.project import Project


@pytest.fixture(scope="module")
def bad(new_project: Callable[..., Project]) -> Project:
    return new_project("bad", lean=True)


@pytest.fixture
def books(bad: Project) -> Project:
    """Users are on version 1, whatever bad version was here before."""
    stages.stand(bad, "1")
    return bad


@pytest.mark.parametrize(
    ("version", "extra", "stage", "words"),
    [
        pytest.param(
            "crash", {}, "deploy", ["exit code 1", "cannot start: this release crashes on purpose"], id="crashes"
        ),
        pytest.param(
            "unhealthy",
            {"timeout": 8},
            "deploy",
            ["its health check did not pass", "listening on port 8080"],
            id="unhealthy",
        ),
        pytest.param("slow", {"timeout": 5}, "deploy", ["after 5 s", "0 of 1"], id="too slow for its deadline"),
        pytest.param("no-such-version", {}, "deploy", ["dockerflow/books-ms:no-such-version"], id="no such image"),
        pytest.param(
            "error500",
            {"proxy_timeout": 5},
            "proxy",
            ["0 of 1 instances of", ": status 500)", "check_path", "last log lines", "listening on port 8080"],
            id="answers 500",
        ),
    ],
)
def test_a_bad_version_is_refused_and_nobody_sees_it(
    books: Project, version: str, extra: dict[str, int], stage: str, words: list[str]
) -> None:
    live, before = books.live, books.instances(books.live or "")
    with books.load(rate=100) as load:
        result = books.deploy(version, **extra)
    assert result.rc != 0, str(result)
    assert stage in result.failure, result.failure
    for word in words:
        assert word in result.failure, result.failure
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"1"}
    assert (books.live, books.instances(books.live or "")) == (live, before), "the live colour was touched"


def test_the_next_good_version_works_and_clears_up(books: Project) -> None:
    assert books.deploy("crash").rc != 0
    with books.load(rate=100) as load:
        books.release("2")
    assert not load.report.lost, str(load.report)
    assert books.get().version == "2"
    assert sorted(books.counts().values()) == [0, 1]


def test_a_page_that_fails_at_a_front_door_takes_everything_back(books: Project) -> None:
    live = books.live
    with books.load(rate=100) as load:
        result = books.deploy("2", front_door_path="/api/v1/books")  # which has no data store
    assert "stage proxy: proxy 'local' does not serve 'bad-app' at " in result.failure, str(result)
    assert "status 503" in result.failure
    assert not load.report.lost, str(load.report)
    assert (books.live, books.get().version) == (live, "1")
    books.release("2", front_door_path="/version")
    assert books.get().version == "2"


def test_a_version_that_breaks_when_users_come_is_sent_back(books: Project) -> None:
    live = books.live
    with books.load(rate=50) as load:
        result = books.deploy("fragile", flow="deploy,proxy,verify,stop-old")
    assert "Stage verify failed" in result.failure, str(result)
    assert "users were sent back to the old release" in result.failure
    assert not result.all_of("release_stop"), "the old release was stopped"
    assert books.live == live
    assert books.get().version == "1"
    assert load.report.versions().keys() <= {"1", "fragile"}
    books.release("2")
    assert books.get().version == "2"


def test_a_version_that_ignores_sigterm_is_drained_first_so_killing_it_costs_nothing(books: Project) -> None:
    stages.stand(books, "stubborn")
    with books.load(rate=100) as load:
        books.release("1")
    assert not load.report.lost, str(load.report)
    assert books.get().version == "1"
