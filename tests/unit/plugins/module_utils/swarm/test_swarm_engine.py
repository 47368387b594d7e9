# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine port: what it asks Docker, how it fences updates, and how it says what Docker refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import docker.errors
import pytest
import requests
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import EngineError, OutOfDateError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.labels import (
    COLOR_LABEL,
    PROJECT_LABEL,
    SERVICE_LABEL,
    SPEC_LABEL,
    STACK_LABEL,
    TARGET_LABEL,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import ImageState, Remains, ServiceState
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm import swarm_engine
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_engine import (
    SwarmEngine,
    _reason,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.swarm_state import log_lines
from ansible_collections.dockerflow.delivery.tests.unit.fakes.swarm import FakeSwarm

BLUE = "books-ms_app-blue"


@pytest.fixture
def swarm(monkeypatch: pytest.MonkeyPatch) -> FakeSwarm:
    """Docker's API, with a service that a release deployed."""
    fake = FakeSwarm()
    monkeypatch.setattr(swarm_engine.docker, "APIClient", lambda **_options: fake)
    fake.deploy(BLUE, 2, {SPEC_LABEL: "s1"})
    return fake


@pytest.fixture
def engine(swarm: FakeSwarm) -> SwarmEngine:
    return SwarmEngine("unix:///docker.sock")


def service(engine: SwarmEngine, name: str = BLUE) -> ServiceState:
    found = engine.service(name)
    assert found is not None
    return found


# -- connecting --------------------------------------------------------------------------------------------------------


def test_a_worker_is_no_manager(swarm: FakeSwarm) -> None:
    swarm.is_manager = False
    with pytest.raises(
        EngineError, match=r"^docker_host 'unix:///x' is no Swarm manager: run the release on a manager"
    ):
        SwarmEngine("unix:///x")


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        pytest.param(
            docker.errors.DockerException("FileNotFoundError(2, 'x')"), "the socket does not exist", id="none"
        ),
        pytest.param(
            docker.errors.DockerException("PermissionError(13, 'Permission denied')"), "permission denied", id="mode"
        ),
        pytest.param(requests.ConnectionError("ConnectionRefusedError(111)"), "connection refused", id="refused"),
        pytest.param(requests.Timeout("Read timed out."), "Read timed out.", id="late"),
    ],
)
def test_a_docker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, problem: Exception, said: str) -> None:
    def fails(**_options: Any) -> None:
        raise problem

    monkeypatch.setattr(swarm_engine.docker, "APIClient", fails)
    with pytest.raises(EngineError) as raised:
        SwarmEngine("unix:///x")
    assert str(raised.value) == (
        f"docker_host 'unix:///x' does not answer ({said}): start Docker there, or name the socket of a Swarm manager"
    )


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_service_that_is_not_there(engine: SwarmEngine) -> None:
    assert engine.service("books-ms_app-green") is None
    assert engine.running(None) == []


def test_tasks_are_newest_first_and_only_its_own(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    before = swarm.task_items[BLUE]
    before.append({**before[0], "ID": "stranger", "ServiceID": "another"})
    tasks = engine.tasks(service(engine))
    assert [task.created for task in tasks] == sorted((task.created for task in tasks), reverse=True)
    assert len(tasks) == 2


def test_tasks_of_a_service_that_somebody_removed(engine: SwarmEngine) -> None:
    found = service(engine)
    engine.remove(found)
    with pytest.raises(EngineError, match=f"^Docker at 'unix:///docker.sock' answered: service {BLUE} not found$"):
        engine.tasks(found)


def test_a_docker_that_goes_away(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    found = service(engine)

    def gone() -> None:
        raise requests.ConnectionError("ConnectionRefusedError(111)")

    swarm.nodes = gone  # type: ignore[assignment, method-assign]
    with pytest.raises(EngineError, match="did not answer: connection refused"):
        engine.tasks(found)


def test_only_what_runs_is_running(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    swarm.stop_task(BLUE)
    assert len(engine.running(service(engine))) == 1


def test_coloured_services_are_found_by_label(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    labels = {COLOR_LABEL: "blue", PROJECT_LABEL: "shop", TARGET_LABEL: "app"}
    swarm.deploy("shop_app-blue", 1, labels)
    swarm.deploy("shop_db", 1)
    assert engine.colored_targets() == {("shop", "app")}


def test_a_service_says_what_it_is_called_in_consul(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    swarm.deploy("shop_web_app-blue", 1, {SERVICE_LABEL: "web"})
    swarm.deploy("shop_db", 1)
    named = {name: service.service for name in ("shop_web_app-blue", "shop_db") if (service := engine.service(name))}
    assert named == {"shop_web_app-blue": "web", "shop_db": ""}


def test_released_targets_are_found_in_any_colour_or_none(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    swarm.deploy("shop_app-blue", 1, {COLOR_LABEL: "blue", PROJECT_LABEL: "shop", TARGET_LABEL: "app"})
    swarm.deploy("shop_web", 1, {PROJECT_LABEL: "shop", TARGET_LABEL: "web"})
    swarm.deploy("shop_db", 1, {PROJECT_LABEL: "shop"})
    swarm.deploy("other_app", 1, {PROJECT_LABEL: "other"})
    assert engine.released_targets() == {("shop", "app"), ("shop", "web")}
    assert [one.name for one in engine.project_services("shop")] == ["shop_app-blue", "shop_db", "shop_web"]


@pytest.mark.parametrize(("stubborn", "left"), [(False, 0), (True, 2)])
def test_containers_of_a_service_that_was_removed(
    swarm: FakeSwarm, engine: SwarmEngine, stubborn: bool, left: int
) -> None:
    found = service(engine)
    if not stubborn:
        for task in swarm.task_items[BLUE]:
            task["Status"]["State"] = "shutdown"
    engine.remove(found)
    assert len(engine.not_ended(found)) == left


@pytest.fixture
def shop(swarm: FakeSwarm) -> FakeSwarm:
    """A stack with a service that a release made and one that none made; another stack that shares a network."""
    stack, ours = {STACK_LABEL: "shop"}, {PROJECT_LABEL: "shop"}
    swarm.deploy("shop_app-blue", 1, {**stack, **ours})
    swarm.deploy("shop_cron", 1, stack)
    swarm.deploy("gate_web", 1, {STACK_LABEL: "gate"})
    swarm.items["gate_web"]["Spec"]["TaskTemplate"]["Networks"] = [{"Target": "n2"}]
    swarm.items["shop_cron"]["Spec"]["TaskTemplate"]["Networks"] = [{"Target": "n1"}]
    for identity, name in (("n1", "shop_default"), ("n2", "shop_shared")):
        swarm.network_items.append({"Id": identity, "Name": name, "Labels": stack})
    swarm.volume_items.append({"Name": "shop_data", "Labels": stack})
    swarm.volume_items.append({"Name": "gate_data", "Labels": {STACK_LABEL: "gate"}})
    swarm.config_items.append({"ID": "c1", "Spec": {"Name": "shop_conf-1", "Labels": ours}})
    swarm.secret_items.append({"ID": "s1", "Spec": {"Name": "shop_key-1", "Labels": ours}})
    swarm.secret_items.append({"ID": "s2", "Spec": {"Name": "shop_theirs", "Labels": stack}})
    return swarm


def test_what_remains_of_a_stack(shop: FakeSwarm, engine: SwarmEngine) -> None:
    assert engine.remains("shop") == Remains(
        objects=("shop_conf-1", "shop_key-1"),
        networks=("shop_default",),
        volumes=("shop_data",),
        strangers=("shop_cron",),
        shared_networks=("shop_shared",),
    )
    assert engine.remains("nothing") == Remains()


def test_what_is_still_used_stays_for_now(shop: FakeSwarm, engine: SwarmEngine) -> None:
    found = engine.remains("shop")
    shop.used = {"n1", "c1"}
    left = engine.remove_remains("shop", found)
    assert left == Remains(("shop_conf-1",), ("shop_default",))
    shop.used = set()
    assert engine.remove_remains("shop", left) == Remains()
    assert [item["Name"] for item in shop.network_items] == ["shop_shared"]
    assert [item["Spec"]["Name"] for item in shop.secret_items] == ["shop_theirs"]


def test_the_log_of_a_task(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    swarm.logs = [f"line {number}" for number in range(20)]
    assert engine.task_log("task1", lines=2) == ["line 18", "line 19"]


def test_no_log_is_no_failure(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    def fails(*_arguments: Any, **_options: Any) -> None:
        raise requests.ConnectionError

    swarm.get = fails  # type: ignore[method-assign]
    assert engine.task_log("task1") == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x04two\n", ["one", "two"], id="both streams"),
        pytest.param(b"\x01\0\0\0\0\0\0\x02on\x01\0\0\0\0\0\0\x02e\n", ["one"], id="a line in two frames"),
        pytest.param(b"of a terminal\r\n", ["of a terminal"], id="no frames"),
        pytest.param(b"\x01\0\0\0\0\0\0\x09\xff bin\n\n x", ["\ufffd bin", " x"], id="no text, an empty line"),
    ],
)
def test_log_frames(raw: bytes, expected: list[str]) -> None:
    assert log_lines(raw) == expected


# -- changing, with the index as the fence -----------------------------------------------------------------------------


def test_scaling_uses_the_index_that_was_read(engine: SwarmEngine) -> None:
    before = service(engine)
    after = engine.scale(before, 3)
    assert (after.replicas, after.version > before.version) == (3, True)
    with pytest.raises(OutOfDateError, match=f"^service '{BLUE}' was changed by somebody else meanwhile"):
        engine.scale(before, 5)
    assert service(engine).replicas == 3


def test_what_is_so_already_is_not_updated(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    before = service(engine)
    assert engine.scale(before, 2) is before
    assert swarm.calls == []


def test_a_mark_is_a_label_and_restarts_nothing(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    running = engine.running(service(engine))
    after = engine.mark(service(engine), "r1")
    assert after.native["Labels"] == {"dockerflow.spec": "s1", "dockerflow.run": "r1"}
    assert (after.spec, after.run) == ("s1", "r1")
    assert engine.running(after) == running
    assert engine.mark(after, "r1") is after


def test_the_state_that_was_given_is_not_changed(engine: SwarmEngine) -> None:
    before = service(engine)
    engine.scale(before, 3)
    assert before.native["Mode"]["Replicated"]["Replicas"] == 2


def test_a_global_service_cannot_be_scaled(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    swarm.items[BLUE]["Spec"]["Mode"] = {"Global": {}}
    with pytest.raises(EngineError, match=f"service '{BLUE}' is not replicated"):
        engine.scale(service(engine), 3)


def test_an_update_that_docker_refuses_is_explained(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    before = service(engine)

    def refuses(*_arguments: Any, **_options: Any) -> None:
        raise docker.errors.APIError("500", explanation="name conflicts\n")

    swarm._post_json = refuses  # type: ignore[method-assign]
    with pytest.raises(EngineError, match=f"^Docker refused to update service '{BLUE}': name conflicts$"):
        engine.scale(before, 3)


def test_a_service_that_vanishes_during_the_update(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    before = service(engine)
    swarm.on_change.append(lambda name: swarm.items.pop(name, None))
    with pytest.raises(OutOfDateError, match="was removed by somebody else meanwhile"):
        engine.scale(before, 3)


def test_removing_twice_is_fine(engine: SwarmEngine) -> None:
    found = service(engine)
    engine.remove(found)
    engine.remove(found)
    assert engine.service(BLUE) is None


# -- images and leftovers ----------------------------------------------------------------------------------------------


def test_images(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    swarm.images["app:1"] = {"Id": "sha256:1"}
    swarm.digests["app:1"] = "sha256:d"
    assert engine.image("app:1") == ImageState("sha256:1")
    swarm.images["app:1"]["RepoDigests"] = ["app@sha256:d"]
    assert engine.image("app:1") == ImageState("sha256:1", ("app@sha256:d",))
    assert engine.image("app:2") is None
    assert engine.registry_digest("app:1") == "sha256:d"
    assert engine.registry_digest("app:2") is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(docker.errors.NotFound("404", explanation="manifest unknown"), None, id="404"),
        pytest.param(
            docker.errors.APIError("500", explanation="manifest unknown: manifest unknown"), None, id="its words"
        ),
        pytest.param(
            docker.errors.APIError("401", explanation="unauthorized: authentication required"),
            "unauthorized",
            id="login",
        ),
        pytest.param(
            docker.errors.APIError("429", explanation="toomanyrequests: You have reached your limit"),
            "your limit",
            id="limit",
        ),
        pytest.param(requests.ConnectionError("ConnectionRefusedError(111)"), "connection refused", id="nobody there"),
        pytest.param(requests.Timeout("Read timed out."), "Read timed out", id="too slow"),
    ],
)
def test_what_a_registry_says(swarm: FakeSwarm, engine: SwarmEngine, error: Exception, said: str | None) -> None:
    def fails(_reference: str) -> None:
        raise error

    swarm.inspect_distribution = fails  # type: ignore[assignment, method-assign]
    if said is None:
        assert engine.registry_digest("app:1") is None
    else:
        with pytest.raises(EngineError, match=f"^the registry of image 'app:1' did not say .*{said}.*docker login"):
            engine.registry_digest("app:1")


def test_only_unused_configs_and_secrets_of_the_given_names_are_removed(swarm: FakeSwarm, engine: SwarmEngine) -> None:
    removed: list[str] = []
    filters: list[dict[str, str]] = []

    def listing(kind: str) -> Callable[..., list[dict[str, Any]]]:
        def answer(**options: Any) -> list[dict[str, Any]]:
            filters.append(options["filters"])
            return [{"ID": f"{kind}-{name}", "Spec": {"Name": name}} for name in ("used", "old", "others")]

        return answer

    def remove(item_id: str) -> None:
        if item_id.endswith("-used"):
            raise docker.errors.APIError("400", explanation="is in use by the following service")
        removed.append(item_id)

    for kind in ("config", "secret"):
        setattr(swarm, f"{kind}s", listing(kind))
        setattr(swarm, f"remove_{kind}", remove)
    engine.remove_unused("books-ms", frozenset({"old", "used"}))
    assert removed == ["config-old", "secret-old"]
    assert filters == [{"label": f"{PROJECT_LABEL}=books-ms"}] * 2


def test_without_names_nothing_is_asked(engine: SwarmEngine) -> None:
    engine.remove_unused("books-ms", frozenset())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(docker.errors.APIError("x", explanation=" why\n"), "why", id="Docker's own words"),
        pytest.param(requests.ConnectionError("a\n  b"), "a b", id="one line"),
        pytest.param(requests.ConnectionError("x" * 400), "x" * 300, id="not too much"),
    ],
)
def test_reasons(error: Exception, said: str) -> None:
    assert _reason(error) == said
