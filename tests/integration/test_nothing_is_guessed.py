# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: what is live is never guessed, and everyday options of Ansible do what they say or are an error.

Time budget: 60 s.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.consul import Consul
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World


@pytest.fixture(scope="module")
def certain(new_project: Callable[..., Project]) -> Project:
    return new_project("certain", lean=True)


@pytest.fixture
def books(certain: Project) -> Project:
    """Users are on version 1."""
    stages.stand(certain, "1")
    return certain


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/stop-old.yml", "playbooks/rollback.yml"])
def test_a_mistyped_prefix_touches_nothing(books: Project, world: World, playbook: str) -> None:
    before = books.counts(), books.live, world.consul.route(books.service)
    with books.load() as load:
        refused = books.run(playbook, "2", consul_prefix="typo/")
        load.wait_for_answers(50, after=refused.ended)
    assert refused.rc != 0, str(refused)
    for said in (f"colour {books.live} of '{books.service}' runs", "consul_prefix ('typo/')", "playbooks/adopt.yml"):
        assert said in refused.failure, refused.failure
    assert not load.report.lost, str(load.report)
    assert load.report.versions().keys() == {"1"}
    assert (books.counts(), books.live, world.consul.route(books.service)) == before
    assert Consul(world.consul.address, "typo/").keys() == []


def test_a_wiped_consul_is_rebuilt_from_what_there_is(books: Project, world: World) -> None:
    """Route and record of this project alone are lost; its proxy goes on with the route that it had."""
    live = books.live
    assert live is not None
    for key in (f"routes/{books.service}", f"releases/{books.service}"):
        world.consul.delete(key)
    refused = books.deploy("2").failure
    assert f"sends users of '{books.service}' to {live}, but Consul has no route of it" in refused, refused
    assert books.get("/version").version == "1"
    asked = books.run("playbooks/adopt.yml")
    assert "live is not given, and nothing is guessed" in asked.failure, asked.failure
    adopted = books.run("playbooks/adopt.yml", live=live)
    assert adopted.succeeded, str(adopted)
    assert (books.live, books.get("/version").version) == (live, "1")
    again = books.run("playbooks/adopt.yml", live=live)
    assert again.succeeded
    assert again.changed == [], str(again)
    books.release("2")
    assert books.get("/version").version == "2"


def test_a_rollback_brings_paths_back_too(books: Project) -> None:
    paths = books.settings()["service_path"]
    books.release("2", service_path=["/version", "/v2"])
    assert books.get("/health").status == 404
    result = books.run("playbooks/rollback.yml")
    assert result.succeeded, str(result)
    assert (books.get("/version").version, books.get("/health").status) == ("1", 200)
    route = books.world.consul.route(books.service)
    assert route is not None
    assert route["paths"] == paths


def test_limit_does_it_or_is_an_error(books: Project) -> None:
    limited = books.command("playbooks/scale.yml", scale="2", options=("--limit", "local")).run()
    assert limited.succeeded, str(limited)
    assert sorted(books.counts().values()) == [0, 2]
    nobody = books.command("playbooks/scale.yml", scale="1", options=("--limit", "localhost")).run()
    assert nobody.rc != 0, str(nobody)
    assert sorted(books.counts().values()) == [0, 2]
