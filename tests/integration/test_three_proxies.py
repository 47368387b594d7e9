# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: a release flips on every proxy of the fleet or on none, and what refuses is named.

Three proxies stand before one project; each of them is asked by users of its own. Time budget: 90 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.playbook import PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually
from ansible_collections.dockerflow.delivery.tests.integration.three_proxies import (
    MEMBERS,
    MemberProxy,
    ThreeProxies,
)
from ansible_collections.dockerflow.delivery.tests.load.running import Load

ALL = {member.id for member in MEMBERS}


@pytest.fixture(scope="module")
def fleet(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeProxies]:
    before = world.consul.keys("members/")
    made = ThreeProxies(world, tmp_path_factory.mktemp("three"))
    try:
        made.start()
        yield made
    finally:
        made.remove()
    assert world.consul.keys("members/") == before, "the machine's own fleet is not what it was"


@pytest.fixture(scope="module")
def together(fleet: ThreeProxies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(fleet.world, "together", tmp_path_factory.mktemp("projects"), lean=True)
    project.remove()  # what an earlier session that was killed has left
    yield project
    project.remove()


@pytest.fixture
def books(together: Project) -> Project:
    """Users of all three are on version 1."""
    stages.stand(together, "1")
    assert_all_get(together, "1")
    return together


@contextmanager
def load_on_all(books: Project) -> Iterator[dict[str, Load]]:
    """Users of each proxy, from the first line of the block to its last."""
    with ExitStack() as stack:
        yield {member.id: stack.enter_context(books.load(rate=100, front=member.front)) for member in MEMBERS}


def assert_all_get(books: Project, version: str) -> None:
    """The users of each proxy get this version and no other."""
    for member in MEMBERS:
        found = {books.get(front=member.front).version for _unused in range(10)}
        assert found == {version}, f"users of {member.id} get {found}"


def assert_released(books: Project, version: str, **extra: Any) -> None:
    """Release under load on all: nobody loses a request, and afterwards nobody gets anything else."""
    with load_on_all(books) as loads:
        result = books.release(version, **extra)
        assert_all_get(books, version)
    flipped = result.of("proxy_reconfigure")
    assert flipped.values["proxies"].keys() == ALL
    for member, load in loads.items():
        assert not load.report.lost, f"{member}: {load.report}"
        assert not load.report.stale("1", after=flipped.at), f"{member}: {load.report}"
        assert load.report.versions().keys() == {"1", version}, f"{member}: {load.report}"
    assert sorted(books.counts().values()) == [0, 1]


def test_a_release_flips_on_all_three_together(books: Project) -> None:
    assert_released(books, "2")


def assert_refused_by(broken: MemberProxy, result: PlaybookResult) -> None:
    assert result.rc != 0, str(result)
    assert f"proxy '{broken.id}' refuses revision" in result.failure, result.failure
    assert "No space left" in result.failure


def test_one_that_cannot_prepare_keeps_all_on_the_old_release_until_it_is_repaired(
    books: Project, fleet: ThreeProxies
) -> None:
    live, broken = books.live, fleet.members[1]
    # An option that changes needs another configuration of HAProxy: there the full disk shows before anybody flips.
    timeout_server = 60 + fleet.report(broken, books.service)["revision"]
    with load_on_all(books) as loads:
        with broken.full_disk():
            refused = books.deploy("2", timeout_server=timeout_server)
            assert_all_get(books, "1")
        assert_refused_by(broken, refused)
    assert books.live == live
    for member, load in loads.items():
        assert not load.report.lost, f"{member}: {load.report}"
        assert load.report.versions().keys() == {"1"}, f"{member}: {load.report}"

    fleet.wait_until_well(broken, books.service)
    assert_released(books, "2", timeout_server=timeout_server)


def test_one_that_cannot_flip_takes_all_back_until_it_is_repaired(books: Project, fleet: ThreeProxies) -> None:
    live, broken = books.live, fleet.members[1]
    with load_on_all(books) as loads:
        with broken.full_disk():
            refused = books.deploy("2")
            assert_all_get(books, "1")
        assert_refused_by(broken, refused)
        for load in loads.values():
            load.wait_for_answers(50, after=refused.ended)
    assert books.live == live
    for member, load in loads.items():
        assert not load.report.lost, f"{member}: {load.report}"
        # It refuses to prepare the candidate, so nobody flips for a moment either.
        assert load.report.versions().keys() == {"1"}, f"{member}: {load.report}"

    fleet.wait_until_well(broken, books.service)
    assert_released(books, "2")


def test_a_proxy_that_was_off_when_a_project_was_removed_finds_out(books: Project, fleet: ThreeProxies) -> None:
    off, consul = fleet.members[1], books.world.consul
    before = fleet.report(off, books.service)["revision"]
    with off.switched_off():
        # Nothing listens at its front port, so nobody waits for it.
        removed = books.run("playbooks/remove.yml", project=books.name)
        assert removed.succeeded, str(removed)
        assert books.counts() == {}
        assert consul.value(f"routes/{books.service}")["removed"] is True, "it is told when it comes back"
    eventually(lambda: off.id in consul.proxies(), f"{off.id} is back")
    eventually(lambda: fleet.report(off, books.service) == {}, f"{off.id} has given it up")
    assert consul.proxies()[off.id]["notes"] == []
    assert {books.get(front=member.front).status for member in MEMBERS} == {404}
    again = books.run("playbooks/remove.yml", project=books.name, target="app")
    assert (again.succeeded, again.changed) == (True, []), str(again)
    assert f"routes/{books.service}" not in consul.keys("routes/"), "all have seen it"
    books.release("2")
    assert_all_get(books, "2")
    assert fleet.report(off, books.service)["revision"] > 0 < before


def test_the_fleet_that_provisioning_made_has_no_part_in_it(
    books: Project, world: World, new_project: Callable[..., Project]
) -> None:
    """It knows nothing of the three's routes, and releases of its own need none of the three."""
    assert all(books.service not in report["services"] for report in world.consul.proxies().values())
    alone = new_project("alone", lean=True)
    result = alone.release("1")
    assert result.of("proxy_reconfigure").values["proxies"].keys().isdisjoint(ALL)
