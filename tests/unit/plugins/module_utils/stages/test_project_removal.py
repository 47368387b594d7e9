# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target or a project goes: routes first, the record last, and nothing that anybody may still be on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose import snapshot
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import Remains, ServiceState
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.journal import journal
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.project_removal import (
    STAGE,
    How,
    RemovalPlan,
    plan_removal,
    refuse_side_target,
    remove,
    settle,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

KEY = f"docker-flow/routes/{SERVICE}"
AT_ONCE = How(0.0, 0.0, 0.0)


@pytest.fixture
def live(world: World) -> World:
    """Green is live, blue is the old release, a side target runs beside them, and a run holds the lock."""
    world.colour("blue", 0, objects=frozenset({"key-1", "shared"}))
    world.colour("green", 2, "s2", objects=frozenset({"key-2", "shared"}))
    world.engine.put("books-ms_db", 1, objects=frozenset({"shared"}))
    world.engine.left["books-ms"] = Remains(("key-1", "key-2", "shared"), ("books-ms_default",), ("books-ms_data",))
    world.route("green")
    world.record(live=release_of("green", "s2"), previous=release_of("blue"))
    world.start_run()
    return world


def plan(world: World, *, whole: bool = False, directory: str | None = None) -> RemovalPlan:
    return plan_removal(world.engine, "books-ms", [world.release], whole=whole, directory=directory)


def removed(world: World, *, whole: bool = False, how: How = AT_ONCE, directory: str | None = None) -> RemovalPlan:
    decided = plan(world, whole=whole, directory=directory)
    with journal(world.release, STAGE):
        remove(world.engine, decided, how)
    return decided


def left(world: World) -> list[str]:
    """The keys of ours but for the lock and the fleet's."""
    return sorted(key for key in world.consul.keys if "/routes/" in key or "/releases/" in key)


def test_one_target_goes_and_what_others_use_stays(live: World) -> None:
    decided = removed(live)
    assert decided.shown() == {
        "routes": [SERVICE],
        "services": ["books-ms_app-blue", "books-ms_app-green"],
        "configs_and_secrets": ["key-1", "key-2"],
        "networks": [],
        "directories": [],
        "records": [SERVICE],
    }
    assert decided.kept == {"volumes": ["books-ms_data"], "services": ["books-ms_db"], "networks": []}
    assert not decided.emptied
    assert list(live.engine.services) == ["books-ms_db"]
    assert live.engine.left["books-ms"] == Remains(("shared",), ("books-ms_default",), ("books-ms_data",))
    assert left(live) == []
    assert not plan(live).changed


def test_a_whole_project_goes_but_for_its_volumes(live: World, tmp_path: Path) -> None:
    snapshot.bring(tmp_path, "books-ms", "app", {"compose.yaml": b""}, lambda: None)
    decided = removed(live, whole=True, directory=str(tmp_path / "books-ms"))
    assert decided.emptied
    assert decided.shown()["services"] == ["books-ms_app-blue", "books-ms_app-green", "books-ms_db"]
    assert (live.engine.services, left(live)) == ({}, [])
    assert live.engine.left["books-ms"] == Remains(volumes=("books-ms_data",))
    assert list(tmp_path.iterdir()) == []
    assert not plan(live, whole=True, directory=str(tmp_path / "books-ms")).changed


def test_what_containers_put_into_the_directory_stays(live: World, tmp_path: Path) -> None:
    snapshot.bring(tmp_path, "books-ms", "app", {"compose.yaml": b""}, lambda: None)
    directory = tmp_path / "books-ms"
    (directory / "data").mkdir()
    (directory / "data" / "rows").touch()
    decided = removed(live, whole=True, directory=str(directory))
    assert decided.kept["directories"] == [str(directory / "data")]
    assert [path.name for path in tmp_path.rglob("*")] == ["books-ms", "data", "rows"]
    assert not plan(live, whole=True, directory=str(directory)).changed


def test_of_one_target_goes_what_it_read(live: World, tmp_path: Path) -> None:
    for target in ("app", "web"):
        snapshot.bring(tmp_path, "books-ms", target, {"compose.yaml": b""}, lambda: None)
    removed(live, directory=str(tmp_path / "books-ms"))
    assert [path.name for path in (tmp_path / ".books-ms").iterdir() if path.is_dir()] == ["web"]
    assert (tmp_path / "books-ms" / "compose.yaml").is_file()


def test_services_that_no_release_made_stay_and_so_does_what_they_need(live: World) -> None:
    live.engine.put("books-ms_cron", 1)
    live.engine.left["books-ms"] = Remains(("key-1",), ("books-ms_default",), (), ("books-ms_cron",))
    decided = removed(live, whole=True)
    assert (list(live.engine.services), decided.emptied) == (["books-ms_cron"], False)
    assert live.engine.left["books-ms"].networks == ("books-ms_default",)
    assert decided.kept["services"] == ["books-ms_cron"]


def test_the_route_goes_before_any_container_and_the_record_after_all(live: World) -> None:
    happened: list[str] = []

    def notice(key: str) -> None:
        if key == KEY:
            happened.append("route" if KEY in live.consul.keys else "tombstone")
        elif key == live.release.keys.record and key not in live.consul.keys:
            happened.append("record")

    live.consul.watchers.append(notice)
    live.engine.on_change.append(lambda name: happened.append(name) if name not in live.engine.services else None)
    removed(live, whole=True)
    assert happened == [
        "route",
        "books-ms_app-blue",
        "books-ms_app-green",
        "books-ms_db",
        "tombstone",
        "record",
    ]


@pytest.mark.parametrize("behaviour", [pytest.param(SILENT, id="silent"), pytest.param(DEAD, id="no heartbeat")])
def test_no_container_ends_while_a_proxy_may_send_users_there(live: World, behaviour: str) -> None:
    live.proxies["proxy-2"].behaviour = behaviour
    live.proxies.publish()
    with pytest.raises(DeliveryError, match="still have a trace of the route of 'books-ms-app' after 0 s: proxy-2 "):
        removed(live)
    assert len(live.running("green")) == 2
    recorded = live.recorded_now()
    assert recorded.run is not None
    assert [(entry.stage, entry.outcome) for entry in recorded.run.journal] == [(STAGE, "started"), (STAGE, "failed")]


def test_requests_that_outlast_the_deadline_are_told(live: World) -> None:
    live.proxies["proxy-2"].open_after = 3
    with journal(live.release, STAGE):
        assert remove(live.engine, plan(live), AT_ONCE) == {"cut": {SERVICE: {"proxy-2": 3}}}
    assert left(live) == [f"docker-flow/routes/{SERVICE}"], "its tombstone, by which these are counted"


def test_what_was_released_after_the_targets_were_chosen_is_nobodys_side_target(live: World) -> None:
    live.engine.put("books-ms_api-green", 1, spec="s1")
    with pytest.raises(DeliveryError, match="service 'books-ms_api-green' was released meanwhile"):
        plan(live, whole=True)
    assert not plan(live).emptied


def test_a_color_that_another_run_changed_meanwhile_stays(live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = plan(live)
    seen = live.release.fence_services

    def overtaken() -> dict[str, ServiceState]:
        fenced = seen()
        live.engine.mark(fenced["green"], "another run")
        return fenced

    monkeypatch.setattr(type(live.release), "fence_services", lambda _release: overtaken())
    with pytest.raises(DeliveryError, match="was changed by somebody else meanwhile"):
        remove(live.engine, decided, AT_ONCE)
    assert "books-ms_app-green" in live.engine.services


def test_containers_that_do_not_end_are_an_error_and_the_next_run_finishes(live: World) -> None:
    live.engine.stubborn.add("books-ms_app-green")
    with pytest.raises(DeliveryError, match=r"'books-ms_app-green' did not end within 0 s .*\(stop_timeout\)"):
        removed(live)
    assert live.recorded_now().run is not None
    removed(live)
    assert left(live) == []


def route_only(world: World) -> None:
    world.consul.delete(world.release.keys.record)
    nothing_runs(world)


def nothing_runs(world: World) -> None:
    for service in list(world.engine.services.values()):
        world.engine.remove(service)


def route_lost(world: World) -> None:
    world.consul.delete(KEY)


def record_damaged(world: World) -> None:
    world.consul.seed(world.release.keys.record, "{")


def route_damaged(world: World) -> None:
    world.consul.put(KEY, '{"schema": 1}') if KEY not in world.consul.keys else world.consul.seed(KEY, '{"schema": 1}')


def killed_after_the_route(world: World) -> None:
    world.consul.put(KEY, Tombstone(SERVICE, 5).to_json())


def killed_after_the_services(world: World) -> None:
    killed_after_the_route(world)
    nothing_runs(world)


@pytest.mark.parametrize(
    "happened",
    [
        pytest.param(nothing_runs, id="docker stack rm"),
        pytest.param(route_only, id="only the route is left"),
        pytest.param(route_lost, id="Consul lost the route"),
        pytest.param(record_damaged, id="the record is damaged"),
        pytest.param(route_damaged, id="the route is damaged"),
        pytest.param(killed_after_the_route, id="a run was killed after the route"),
        pytest.param(killed_after_the_services, id="a run was killed after the services"),
    ],
)
def test_whatever_is_left_goes(live: World, happened: Callable[[World], None]) -> None:
    happened(live)
    decided = plan(live, whole=True)
    assert decided.changed
    live.release.record.delete(if_damaged=True)
    with journal(live.release, STAGE):
        remove(live.engine, decided, AT_ONCE)
    assert (live.engine.services, left(live)) == ({}, [])
    assert all(SERVICE not in proxy.services for proxy in live.proxies.members.values())


def test_a_removal_that_nobody_waited_for_is_made_sure_of(live: World) -> None:
    removed(live)
    live.consul.put(KEY, Tombstone(SERVICE, 5).to_json())
    live.proxies["proxy-2"].behaviour = SILENT
    live.proxies["proxy-2"].removed = {}
    live.proxies.publish()
    decided = plan(live)
    assert not decided.changed
    with pytest.raises(DeliveryError, match="proxy-2 does not know of its removal yet"):
        settle(decided, AT_ONCE)


def unknown_to_all(world: World) -> None:
    world.consul.keys = {
        key: entry for key, entry in world.consul.keys.items() if "/locks/" in key or "/members/" in key
    }
    for proxy in world.proxies.members.values():
        proxy.services = {}
    world.proxies.publish()


def no_proxy(world: World) -> None:
    for key in [key for key in world.consul.keys if "/members/" in key or "/proxies/" in key]:
        del world.consul.keys[key]


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        pytest.param(unknown_to_all, "neither Consul nor any proxy knows of it", id="a foreign store"),
        pytest.param(no_proxy, "Consul knows of no proxy that could confirm", id="no proxy: a mistyped prefix"),
    ],
)
def test_what_runs_is_not_ended_where_users_may_be_on_it(
    live: World, happened: Callable[[World], None], said: str
) -> None:
    happened(live)
    with pytest.raises(DeliveryError, match=f"^colour green of 'books-ms-app' runs, but {said}"):
        plan(live)


def test_what_another_project_has_under_this_name_stays(live: World) -> None:
    record = ReleaseRecord("books", "ms-app")
    live.consul.seed(live.release.keys.record, json.dumps(record.to_document()))
    with pytest.raises(DeliveryError, match="which target 'ms-app' of project 'books' already has"):
        plan(live)


def test_a_target_without_colours_goes_too(world: World) -> None:
    world.engine.put("books-ms_app", 2, spec="s1")
    world.start_run()
    assert removed(world).shown()["services"] == ["books-ms_app"]
    assert world.engine.services == {}


def test_a_side_target_is_no_target(live: World) -> None:
    with pytest.raises(DeliveryError, match="target 'db' of project 'books-ms' is a side target"):
        refuse_side_target(live.engine, "books-ms", "db")
    for target in ("app", "another"):
        refuse_side_target(live.engine, "books-ms", target)
