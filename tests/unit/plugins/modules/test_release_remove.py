# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_remove: foretold, done, and nothing left to do; one target or all of a project."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import Remains
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import utc_now
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.modules import release_remove
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

from .conftest import Run


@pytest.fixture
def live(world: World) -> World:
    """Two targets of a project are live, a side target runs, and so does a target of another project."""
    world.colour("blue", 2)
    world.route("blue")
    world.record(live=release_of("blue"))
    for project, target in (("books-ms", "api"), ("shop", "app")):
        service = f"{project}-{target}"
        world.engine.put(f"{project}_{target}-green", 1)
        route = Route(service, 3, (f"/{service}",), Split("green"), instances={"green": 1})
        world.consul.put(f"docker-flow/routes/{service}", route.to_json())
        record = ReleaseRecord(project, target, live=release_of("green"))
        world.consul.put(f"docker-flow/releases/{service}", json.dumps(record.to_document()))
    world.engine.put("books-ms_db", 1)
    world.engine.left["books-ms"] = Remains(networks=("books-ms_default",), volumes=("books-ms_data",))
    world.consul.written.clear()
    world.engine.calls.clear()
    return world


def ours(world: World, project: str = "books-ms") -> list[str]:
    places = ("routes", "releases", "locks")
    keys = [key for key in world.consul.keys if key.split("/")[1] in places and f"/{project}-" in key]
    return sorted(keys) + sorted(name for name in world.engine.services if name.startswith(f"{project}_"))


def test_a_whole_project_is_foretold_then_gone_then_nothing_is_left_to_do(live: World, run: Run) -> None:
    foretold = run(release_remove, check=True, target=None)
    done = run(release_remove, target=None)
    again = run(release_remove, target=None)
    assert [one["changed"] for one in (foretold, done, again)] == [True, True, False], (foretold, done, again)
    for name in ("removed", "kept", "emptied", "diff", "named", "project"):
        assert foretold[name] == done[name], name
    assert done["removed"]["routes"] == ["books-ms-api", SERVICE]
    assert done["removed"]["services"] == ["books-ms_api-green", "books-ms_app-blue", "books-ms_db"]
    assert done["kept"]["volumes"] == ["books-ms_data"]
    assert ours(live) == []
    assert ours(live, "shop") == ["docker-flow/releases/shop-app", "docker-flow/routes/shop-app", "shop_app-green"]
    assert live.consul.sessions == set()
    assert not any(again["removed"].values())


def test_one_target_of_a_project(live: World, run: Run) -> None:
    done = run(release_remove, target="app")
    assert (done["changed"], done["named"]) == (True, "target app of project books-ms")
    assert done["kept"]["services"] == ["books-ms_api-green", "books-ms_db"]
    assert ours(live) == [
        "docker-flow/releases/books-ms-api",
        "docker-flow/routes/books-ms-api",
        "books-ms_api-green",
        "books-ms_db",
    ]


@pytest.mark.parametrize("target", [None, "web_app"])
@pytest.mark.parametrize("runs", [True, False])
def test_a_target_goes_under_the_name_that_was_chosen_for_it(
    live: World, run: Run, target: str | None, runs: bool
) -> None:
    if runs:
        live.engine.put("mine_web_app-blue", 1, service="web")
    live.consul.put(
        "docker-flow/routes/web", Route("web", 3, ("/web",), Split("blue"), instances={"blue": 1}).to_json()
    )
    record = ReleaseRecord("mine", "web_app", live=release_of("blue"))
    live.consul.put("docker-flow/releases/web", json.dumps({**record.to_document(), "service": "web"}))
    done = run(release_remove, project="mine", target=target)
    assert done["removed"]["routes"] == done["removed"]["records"] == ["web"]


def test_what_others_left_is_tidied_up_with_it(live: World, run: Run) -> None:
    run(release_remove, target="app")
    assert not any("removed" in entry.value for key, entry in live.consul.keys.items() if "/routes/" in key)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"project": "Shop"}, "project 'Shop' is not a valid DNS label", id="no name at all"),
        pytest.param({"target": "db"}, "target 'db' of project 'books-ms' is a side target", id="side target"),
    ],
)
def test_what_is_not_meant_is_refused_before_anything_is_touched(
    live: World, run: Run, options: dict[str, Any], said: str
) -> None:
    refused = run(release_remove, **{"target": None, **options})
    assert refused["failed"]
    assert refused["msg"].startswith(f"stage remove: {said}")
    assert live.engine.calls == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            {"target": "appp"}, "target 'appp' of project 'books-ms' is not known, did you mean 'app'?", id="target"
        ),
        pytest.param({"project": "shpo"}, "project 'shpo' is not known, did you mean 'shop'?", id="project"),
    ],
)
def test_a_name_that_may_be_mistyped_is_a_warning_for_it_may_be_gone_already(
    live: World, run: Run, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: heard.append(text))
    done = run(release_remove, **{"target": None, **options})
    assert (done["changed"], heard) == (False, [f"nothing of it is there: {said}"])
    assert live.engine.calls == []


def test_what_was_never_there_is_gone(live: World, run: Run) -> None:
    done = run(release_remove, project="billing", target=None)
    assert (done["changed"], any(done["removed"].values())) == (False, False)


def test_all_locks_are_held_and_one_that_is_not_free_refuses_all(live: World, run: Run) -> None:
    session = live.consul.create_session("other", 10, 0)
    holder = {"owner": "bob", "since": utc_now(), "stage": "deploy", "run": session}
    live.consul.acquire(f"docker-flow/locks/{SERVICE}", json.dumps(holder), session)
    refused = run(release_remove, target=None)
    assert "bob holds the lock" in refused["msg"]
    assert live.engine.calls == []
    assert live.consul.sessions == {session}


def test_requests_that_were_cut_are_a_warning(live: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: said.append(text))
    live.proxies["proxy-2"].open_after = 2
    done = run(release_remove, target="app")
    assert done["cut"] == {SERVICE: {"proxy-2": 2}}
    assert said == ["requests of books-ms-app that were still open after 0 s: {'proxy-2': 2}"]


def test_a_proxy_that_does_not_confirm_leaves_all_running(live: World, run: Run) -> None:
    live.proxies["proxy-2"].behaviour = SILENT
    failed = run(release_remove, target=None)
    assert "still have a trace" in failed["msg"]
    assert live.engine.calls == []
    assert live.consul.sessions == set()
