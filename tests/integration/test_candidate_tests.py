# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage test: the user's tests reach the candidate through the proxies, users do not; a failed test ends the release.

Time budget: 120 s.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.modules import release_lock
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.modules import call
from ansible_collections.dockerflow.delivery.tests.integration.project import Project
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

FLOW = "deploy,test,proxy,stop-old"
TASKS = """
- name: Ask the candidate
  ansible.builtin.uri:
    url: "{{ candidate_urls | first }}/version"
    headers: "{{ candidate_headers }}"
  register: candidate

- name: Ask as users do
  ansible.builtin.uri:
    url: "{{ candidate_urls | first }}/version"
    headers: {Host: DOMAIN}
  register: users

- name: Compare the versions
  ansible.builtin.assert:
    that: [candidate.x_version == CANDIDATE, users.x_version == USERS]
    fail_msg: "the candidate is {{ candidate.x_version }}, users get {{ users.x_version }}"
"""


@pytest.fixture(scope="module")
def tested(new_project: Callable[..., Project]) -> Project:
    return new_project("tested", lean=True)


@pytest.fixture
def books(tested: Project) -> Project:
    """Users are on version 1, and no candidate waits."""
    stages.stand(tested, "1")
    return tested


def release(books: Project, version: str, *, candidate: str, users: str, flow: str = FLOW) -> tuple[bool, str]:
    """Release with tests that expect these versions; whether it succeeded, and what it said."""
    write_tests(books, candidate, users)
    result = books.deploy(version, flow=flow, test_tasks="tests.yml")
    return result.succeeded, result.failure or str(result)


def write_tests(books: Project, candidate: str, users: str) -> None:
    """The file tests.yml of the project."""
    text = TASKS.replace("DOMAIN", books.domain).replace("CANDIDATE", f"'{candidate}'").replace("USERS", f"'{users}'")
    (books.folder / "tests.yml").write_text(text, encoding="utf-8")


def test_before_the_first_release_the_instances_themselves_are_tested(new_project: Callable[..., Project]) -> None:
    books = new_project("tested-first", lean=True)
    succeeded, said = release(books, "1", candidate="1", users="1")
    assert succeeded, said
    assert books.get().version == "1"


def test_the_candidate_is_tested_through_the_proxies_while_users_are_on_the_old_one(books: Project) -> None:
    with books.load(rate=100) as load:
        succeeded, said = release(books, "2", candidate="2", users="1")
    assert succeeded, said
    assert not load.report.lost, str(load.report)
    assert books.get().version == "2"
    route = books.world.consul.route(books.service)
    assert route is not None
    assert route["preview"] is None, "the token outlived the candidate"
    assert books.world.consul.lock(books.service) is None


def test_a_failed_test_removes_the_candidate_and_says_which_and_the_next_release_works(books: Project) -> None:
    live = books.instances(books.live or "")
    with books.load(rate=100) as load:
        succeeded, said = release(books, "2", candidate="3", users="1")
    assert not succeeded
    assert "Stage test failed in task 'Compare the versions': the candidate is 2, users get 1" in said
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"1"}
    assert books.instances(books.live or "") == live
    eventually(lambda: sorted(books.counts().values()) == [0, 1], "only the live colour runs")
    route = books.world.consul.route(books.service)
    assert route is not None
    assert route["preview"] is None
    assert books.world.consul.lock(books.service) is None

    succeeded, said = release(books, "2", candidate="2", users="1")
    assert succeeded, said
    assert books.get().version == "2"


def test_tests_that_do_not_get_the_lock_leave_the_candidate_alone(books: Project) -> None:
    write_tests(books, candidate="2", users="1")
    stages.deploy(books, "2")
    before = books.counts()
    other = {"project": books.name, "target": "app", "owner": "ann@laptop"}
    held = call(release_lock, other | {"lock_ttl": 60})
    try:
        result = books.deploy("2", flow="test", test_tasks="tests.yml", lock_wait=0)
    finally:
        call(release_lock, other | {"run": held["run"], "state": "released"})
    assert "ann@laptop holds the lock" in result.failure, str(result)
    assert books.counts() == before


def test_a_candidate_that_somebody_else_left_is_neither_tested_nor_removed(books: Project) -> None:
    stages.deploy(books, "2")
    before = books.counts()
    succeeded, said = release(books, "1", flow="deploy,test,proxy", candidate="3", users="3")
    assert succeeded, said
    assert books.counts() == before


def test_a_candidate_that_no_proxy_can_use_is_removed_too(books: Project) -> None:
    write_tests(books, candidate="error500", users="1")
    live = f"app-{books.live}"
    result = books.deploy("error500", flow=FLOW, test_tasks="tests.yml", proxy_timeout=5)
    assert "Stage test failed in task 'Let requests with the token reach" in result.failure, str(result)
    assert "0 of 1 instances of" in result.failure
    eventually(lambda: {name: n for name, n in books.counts().items() if n} == {live: 1}, "only the live colour runs")
    assert books.world.consul.lock(books.service) is None


def test_a_misspelt_file_is_refused_before_anything_is_deployed(books: Project) -> None:
    before = books.world.swarm.services(books.name)
    result = books.deploy("2", flow=FLOW, test_tasks="test.yml")
    assert result.failure.startswith("test_tasks 'test.yml': there is no file "), str(result)
    assert books.world.swarm.services(books.name) == before
