# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk through a project's life: first release, second, scaling, testing between stages, rollback.

Each begins where users are on one instance of version 1 with its data store, unless it says otherwise.
Time budget: 150 s.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.playbook import Playbook
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually


@pytest.fixture(scope="module")
def walk(new_project: Callable[..., Project]) -> Project:
    return new_project("walk")


@pytest.fixture
def books(walk: Project) -> Project:
    stages.stand(walk, "1")
    return walk


def test_the_first_release_brings_up_blue_and_its_data_store_behind_the_proxy(
    new_project: Callable[..., Project],
) -> None:
    books = new_project("walk-first")
    # Not by the books: where make deploy has run, the sample project has these at any host.
    assert books.get("/version").status == 404, "nobody knows the service yet"
    result = books.release("1", flow="deploy,proxy")
    assert books.counts() == {"app-blue": 1, "db": 1}
    answer = books.get("/api/v1/books")
    assert (answer.status, json.loads(answer.body)) == (200, [])
    assert (result.of("blue_green_deploy").values["color"], books.live) == ("blue", "blue")


def test_consul_knows_the_instance_by_its_colour_and_its_random_port(books: Project, world: World) -> None:
    live, other = colors(books)
    (instance,) = books.instances(live)
    (registration,) = world.consul.instances(f"walk-app-{live}")
    assert registration.port in instance.ports
    assert registration.port != 8080
    assert registration.status == "passing"
    assert registration.meta["swarm_task"] == instance.task
    assert world.consul.instances(f"walk-app-{other}") == []
    assert world.consul.instances("walk-db") == [], "it publishes no port, so it is nobody's business"


def test_every_service_path_reaches_the_service_and_nothing_else_does(books: Project) -> None:
    for path in ("/api/v1/books", "/api/v1/books/", "/api/v1/books?x=1", "/version", "/health"):
        assert books.get(path).version == "1", path
    for path in ("/", "/api", "/api/v1/bookshelf", "/versions"):
        assert books.get(path).version is None, path


def test_books_survive_the_release_that_replaces_their_service(books: Project, world: World) -> None:
    old, new = colors(books)
    stored = books.get("/api/v1/books/1", method="PUT", body='{"title": "Continuous Delivery"}')
    assert stored.status == 201
    (db,) = world.swarm.instances("walk", "db")
    with books.load() as load:
        result = books.release("2")
    left = {f"app-{old}": 0, f"app-{new}": 1, "db": 1}
    assert books.counts() == left, "the old colour is stopped, and still there for a rollback"
    assert world.swarm.instances("walk", "db") == [db], "the data store was not touched"
    assert books.get("/api/v1/books/1").version == "2"
    assert json.loads(books.get("/api/v1/books/1").body)["title"] == "Continuous Delivery"

    report = load.report
    assert not report.lost, str(report)
    deployed, flipped = result.of("blue_green_deploy").at, result.of("proxy_reconfigure").at
    assert deployed < flipped < result.of("release_stop").at
    assert min(record.done for record in report.answered_by("2")) > deployed, (
        "nobody is sent to a release in the making"
    )
    assert not report.stale("1", after=flipped)


def test_the_same_release_again_changes_nothing(books: Project) -> None:
    before = books.instances(books.live or "")
    result = books.release("1")
    assert result.changed == []
    assert books.instances(books.live or "") == before


@pytest.mark.parametrize(
    ("in_file", "in_environment", "on_command_line", "expected"),
    [
        pytest.param("2", None, None, 2, id="the file alone"),
        pytest.param("2", "3", None, 3, id="the environment beats the file"),
        pytest.param("2", "3", "4", 4, id="the command line beats both"),
    ],
)
def test_settings_come_from_file_environment_and_command_line(
    books: Project, in_file: str, in_environment: str | None, on_command_line: str | None, expected: int
) -> None:
    settings = books.settings()
    books.write_settings({**settings, "scale": in_file, "flow": ["deploy"]})
    extra = {"project_src": str(books.folder)} | ({"scale": on_command_line} if on_command_line else {})
    environment = {"BOOKS_MS_VERSION": "1"} | ({"FLOW_SCALE": in_environment} if in_environment else {})
    try:
        result = Playbook("deploy.yml", extra, environment, check=True).run()
    finally:
        books.write_settings(settings)
    assert result.succeeded, str(result)
    assert result.of("blue_green_deploy").values["instances"] == expected


def test_scaling_up_by_two_keeps_the_first_instance_and_uses_all(books: Project, world: World) -> None:
    live = books.live or ""
    (first,) = books.instances(live)
    result = books.run("playbooks/scale.yml", scale="+2")
    assert result.succeeded, str(result)
    instances = books.instances(live)
    assert len(instances) == 3
    assert first in instances
    assert len({books.get().instance for _unused in range(30)}) == 3
    servers = world.haproxy.servers(f"walk-app-{live}")
    assert [server.status for server in servers.values()] == ["UP"] * 3


def test_scaling_down_by_one_loses_nothing(books: Project, world: World) -> None:
    stages.stand(books, "1", instances=3)
    with books.load() as load:
        result = books.run("playbooks/scale.yml", scale="-1")
    assert result.succeeded, str(result)
    assert not load.report.lost, str(load.report)
    assert books.counts()[f"app-{books.live}"] == 2
    eventually(lambda: len(world.haproxy.servers(f"walk-app-{books.live}")) == 2, "the proxy lists two")


def test_deploying_alone_shows_users_nothing_and_testers_everything(books: Project, world: World) -> None:
    stages.stand(books, "1", instances=2)
    live, other = colors(books)
    with books.load(rate=100) as load:
        result = books.release("2", flow="deploy")
    assert result.of("blue_green_deploy").values["instances"] == 2, "as many as the live colour runs"
    assert books.counts() == {f"app-{other}": 2, f"app-{live}": 2, "db": 1}
    assert (load.report.versions().keys(), load.report.lost) == ({"1"}, [])
    candidates = world.consul.instances(f"walk-app-{other}")
    assert len({candidate.port for candidate in candidates}) == 2
    for candidate in candidates:
        assert ask(candidate.address, candidate.port, "/version") == "2"


def test_releasing_what_is_live_again_leaves_a_waiting_candidate_alone(books: Project) -> None:
    live, other = colors(books)
    stages.deploy(books, "2")
    result = books.release("1")
    assert result.changed == []
    assert (books.live, books.get().version) == (live, "1")
    assert books.counts() == {f"app-{other}": 1, f"app-{live}": 1, "db": 1}


def test_a_candidate_that_fails_its_tests_is_stopped_and_nobody_noticed(books: Project) -> None:
    live, other = colors(books)
    stages.deploy(books, "2")
    with books.load(rate=100) as load:
        result = books.run("playbooks/stop-old.yml", "2", abort=True)
    assert result.succeeded, str(result)
    assert books.counts() == {f"app-{other}": 0, f"app-{live}": 1, "db": 1}
    assert (load.report.versions().keys(), load.report.lost) == ({"1"}, [])


def test_releasing_in_two_commands_ends_where_one_does(books: Project) -> None:
    old, new = colors(books)
    books.release("2", flow="deploy")
    with books.load() as load:
        books.release("2", flow="proxy,stop-old")
    assert not load.report.lost, str(load.report)
    assert books.counts() == {f"app-{new}": 1, f"app-{old}": 0, "db": 1}
    assert books.get().version == "2"


def test_rolling_back_to_a_stopped_release_starts_it_at_the_live_count(books: Project) -> None:
    stages.stand(books, "2", instances=2)
    with books.load() as load:
        result = books.run("playbooks/rollback.yml")
    assert result.succeeded, str(result)
    assert not load.report.lost, str(load.report)
    assert books.get().version == "1"
    assert books.counts()[f"app-{books.live}"] == 2


def test_rolling_back_to_a_warm_release_only_flips(books: Project) -> None:
    old, _new = colors(books)
    warm = books.instances(old)
    books.release("2", flow="deploy,proxy")
    with books.load() as load:
        result = books.run("playbooks/rollback.yml")
    assert result.succeeded, str(result)
    assert not load.report.lost, str(load.report)
    assert books.get().version == "1"
    assert books.instances(old) == warm, "nothing was started"


def test_status_shows_what_is_live(books: Project) -> None:
    result = books.run("playbooks/status.yml")
    assert result.succeeded, str(result)
    (info,) = [one for one in result.of("release_info").values["releases"] if one["service"] == books.service]
    assert (info["live"], info["drift"]) == (books.live, [])
    assert str(books.live) in result.stdout
    assert "walk-app" in result.stdout


def colors(books: Project) -> tuple[str, str]:
    """The colour that users get, and the other one."""
    return ("blue", "green") if books.live == "blue" else ("green", "blue")


def ask(address: str, port: int, path: str) -> str | None:
    """The version that answers at an instance's own address."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().getheader("X-Version")
    finally:
        connection.close()
