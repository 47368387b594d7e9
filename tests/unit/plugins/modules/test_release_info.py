# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_info: all targets or one, without a change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.modules import release_info
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

from .conftest import Run


@pytest.fixture
def two(world: World) -> World:
    """Two projects with a coloured service each."""
    for project in ("shop", "books-ms"):
        world.engine.put(f"{project}_app-blue", 1)
        world.engine.put(f"{project}_db", 1)
    world.consul.seed("docker-flow/routes/old-web", Route("old-web", 3, ("/old",), Split("blue")).to_json())
    return world


def test_a_route_that_nothing_runs_for_is_shown_with_what_takes_it_away(two: World, run: Run) -> None:
    (old,) = run(release_info, project="old", target=None)["releases"]
    assert old["route"]["paths"] == ["/old"]
    assert old["drift"][0] == (
        "nothing runs for its route: deploy it, or take it away with playbooks/remove.yml -e project=old -e target=web"
    )


def test_what_the_proxies_say_of_themselves(two: World, run: Run) -> None:
    two.proxies["proxy-1"].notes = ["disk full"]
    two.proxies.publish()
    assert run(release_info, project=None, target=None)["proxies"]["proxy-1"]["notes"] == ["disk full"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"project": None, "target": None}, ["books-ms-app", "old-web", "shop-app"], id="all"),
        pytest.param({"project": "old", "target": None}, ["old-web"], id="one that only the store knows of"),
        pytest.param({"project": "shop", "target": None}, ["shop-app"], id="a project"),
        pytest.param({"project": None, "target": "db"}, [], id="a target that has no colour"),
        pytest.param({"project": "new", "target": "app"}, ["new-app"], id="one that is not there yet"),
    ],
)
def test_which_releases(two: World, run: Run, options: dict[str, Any], expected: list[str]) -> None:
    result = run(release_info, **options)
    assert [one["service"] for one in result["releases"]] == expected
    assert result["changed"] is False
    assert two.consul.written == []


def test_a_release_is_found_under_the_name_that_it_runs_with(two: World, run: Run) -> None:
    two.engine.put("shop_web_app-blue", 0, service="old")
    two.engine.put("shop_web_app-green", 1, service="web")
    for options in ({"project": "shop", "target": None}, {"project": "shop", "target": "web_app"}):
        found = run(release_info, **options)["releases"][-1]
        assert (found["service"], found["target"]) == ("web", "web_app")
        assert found["record"]["service"] == "web"
    absent = run(release_info, project="new", target="my_app", service_name="mine")["releases"]
    assert [one["service"] for one in absent] == ["mine"]


def test_a_target_that_runs_no_more_is_found_under_the_name_of_its_record(two: World, run: Run) -> None:
    record = ReleaseRecord("shop", "web_app").to_document("web")
    two.consul.seed("docker-flow/releases/web", json.dumps(record))
    for options in ({"project": None, "target": None}, {"project": "shop", "target": "web_app"}):
        assert "web" in [one["service"] for one in run(release_info, **options)["releases"]]


def test_a_chosen_name_is_that_of_one_target(two: World, run: Run) -> None:
    two.engine.put("shop_web_app-green", 1, service="web")
    found = run(release_info, project="shop", target=None, service_name="web")["releases"]
    assert [(one["target"], one["service"]) for one in found] == [("app", "shop-app"), ("web_app", "web")]
    assert not any("service_name" in drift for one in found for drift in one["drift"])


def test_a_damaged_record_hides_no_other_release(two: World, run: Run) -> None:
    two.consul.seed("docker-flow/releases/shop-app", '{"schema": 1, "service": "shop-app"}')
    books, _old, shop = run(release_info, project=None, target=None)["releases"]
    assert "release record of 'shop-app' in Consul is damaged" in shop["drift"][0]
    assert books["colors"]["blue"]["running"] == 1


def test_consul_that_is_away_is_a_failure(two: World, run: Run) -> None:
    two.consul.silent = True
    assert run(release_info, project=None, target=None)["failed"]
