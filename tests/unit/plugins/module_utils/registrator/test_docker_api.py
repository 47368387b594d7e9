# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked at Docker's socket, and what becomes of answers that are late, broken or none."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import EngineError
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_api import ACTIONS, DockerApi
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_http import DockerHttp, serving

ID = "83826543fc2726d33c727cb9c1c89ecf14e2700b94fff5adf802293d13461e72"
ONE, TWO = ({"Action": action, "Actor": {"ID": ID}} for action in ("start", "die"))


def line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerHttp]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture
def api(engine: DockerHttp) -> DockerApi:
    return DockerApi(engine.docker_host)


def test_containers_are_those_that_run(engine: DockerHttp, api: DockerApi) -> None:
    engine.answers["/containers/json"] = (200, [{"Id": ID}])
    assert api.containers() == [{"Id": ID}]
    asked = engine.requests[-1]
    assert (asked.version, asked.path, asked.query.get("all", "0")) == ("/v1.41", "/containers/json", "0")


def test_inspect(engine: DockerHttp, api: DockerApi) -> None:
    engine.answers[f"/containers/{ID}/json"] = (200, {"Id": ID, "Config": None})
    assert api.inspect(ID) == {"Id": ID, "Config": None}


def test_a_container_that_died_since_it_was_listed_is_none(engine: DockerHttp, api: DockerApi) -> None:
    engine.answers[f"/containers/{ID}/json"] = (404, {"message": f"No such container: {ID}"})
    assert api.inspect(ID) is None
    api.inspect(ID)
    assert engine.versions_asked() == 1, "that is no trouble with the connection"


def test_another_docker_host_in_the_environment_does_not_count(
    engine: DockerHttp, api: DockerApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    engine.answers["/containers/json"] = (200, [])
    assert api.containers() == []


def test_a_proxy_in_the_environment_is_never_asked_for_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for the version either, which is the first question."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as engine:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        asked: list[str] = []

        def accept() -> None:
            ready, _writing, _broken = select.select([proxy, engine], [], [], 10)
            asked.append("engine" if engine in ready else "proxy" if ready else "nobody")
            for server in ready:
                server.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises(EngineError):
            DockerApi(f"tcp://127.0.0.1:{engine.getsockname()[1]}", timeout=10).containers()
        thread.join()
    assert asked == ["engine"]


@pytest.mark.parametrize("answer", [pytest.param({}, id="no version"), pytest.param([], id="no document")])
def test_what_answers_otherwise_than_docker_is_no_engine(engine: DockerHttp, api: DockerApi, answer: Any) -> None:
    engine.answers["/version"] = (200, answer)
    with pytest.raises(EngineError, match=r"its /version names no ApiVersion"):
        api.containers()


FAILURES = [
    pytest.param((500, {"message": "driver failed\n programming"}), "driver failed programming", id="refused"),
    pytest.param((502, "<html>"), "502 Server Error", id="a proxy without an engine behind it"),
    pytest.param((200, "no JSON"), "Expecting value", id="no JSON"),
    pytest.param((400, {"message": "client version 1.41 is too old"}), "client version 1.41 is too old", id="replaced"),
]


@pytest.mark.parametrize(("answer", "said"), FAILURES)
def test_a_failure_is_one_line_that_names_the_socket(
    engine: DockerHttp, api: DockerApi, answer: tuple[int, Any], said: str
) -> None:
    for path, call in (("/containers/json", api.containers), (f"/containers/{ID}/json", lambda: api.inspect(ID))):
        engine.answers[path] = answer
        with pytest.raises(EngineError) as caught:
            call()
        assert str(caught.value).startswith(f"docker_host '{engine.docker_host}' does not answer: ")
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_nobody_at_the_socket(tmp_path: Path) -> None:
    for call in (lambda api: api.containers(), lambda api: api.inspect(ID), lambda api: list(api.events(1, 2))):
        with pytest.raises(EngineError, match="No such file or directory"):
            call(DockerApi(f"unix://{tmp_path}/none"))


def test_the_version_is_negotiated_again_after_trouble_and_only_then(engine: DockerHttp, api: DockerApi) -> None:
    engine.answers["/containers/json"] = (200, [])
    api.containers()
    api.containers()
    assert engine.versions_asked() == 1
    engine.answers["/containers/json"] = (500, {"message": "going down"})
    with pytest.raises(EngineError):
        api.containers()
    engine.engine("1.43")
    engine.answers["/containers/json"] = (200, [])
    api.containers()
    assert (engine.versions_asked(), engine.requests[-1].version) == (2, "/v1.43")


def test_what_is_asked_of_the_events(engine: DockerHttp, api: DockerApi) -> None:
    engine.go_on.set()
    assert list(api.events(1_700_000_000.25, 1_700_000_300.5)) == []
    query = engine.requests[-1].query
    assert (query["since"], query["until"]) == ("1700000000.250000000", "1700000300.500000000")
    assert json.loads(query["filters"]) == {"type": ["container"], "event": list(ACTIONS)}


PIECES = [
    pytest.param([line(ONE), line(TWO)], id="one each"),
    pytest.param([line(ONE) + line(TWO)], id="two at once"),
    pytest.param([line(ONE)[:20], line(ONE)[20:] + line(TWO)], id="one in two pieces"),
    pytest.param([line(ONE) + b"\n", b"\n" + line(TWO)], id="blank lines"),
]


@pytest.mark.parametrize("chunked", [pytest.param(True, id="chunked"), pytest.param(False, id="until the end")])
@pytest.mark.parametrize("pieces", PIECES)
def test_events_whatever_pieces_they_come_in(
    engine: DockerHttp, api: DockerApi, pieces: list[bytes], chunked: bool
) -> None:
    engine.events, engine.chunked = pieces, chunked
    engine.go_on.set()
    assert list(api.events(1, 2)) == [ONE, TWO]


@pytest.mark.parametrize("chunked", [pytest.param(True, id="chunked"), pytest.param(False, id="until the end")])
def test_an_event_is_told_when_it_happens_and_not_with_the_next_one(
    engine: DockerHttp, api: DockerApi, chunked: bool
) -> None:
    engine.events, engine.chunked = [line(ONE), line(TWO)], chunked
    told = api.events(1, 2)
    assert next(told) == ONE
    engine.go_on.set()
    assert list(told) == [TWO]


def test_a_stream_that_breaks_is_told_after_what_came_before(engine: DockerHttp, api: DockerApi) -> None:
    engine.events, engine.breaks = [line(ONE)], True
    told = api.events(1, 2)
    assert next(told) == ONE
    with pytest.raises(EngineError, match="does not answer"):
        list(told)
    engine.breaks = False
    assert list(api.events(1, 2)) == [ONE]
    assert engine.versions_asked() == 2


@pytest.mark.parametrize(
    ("status", "events"),
    [pytest.param(400, [], id="refused"), pytest.param(200, [b"no JSON\n"], id="no JSON")],
)
def test_events_that_are_none(engine: DockerHttp, api: DockerApi, status: int, events: list[bytes]) -> None:
    engine.events_status, engine.events = status, events
    with pytest.raises(EngineError, match="does not answer"):
        list(api.events(1, 2))


def test_a_link_that_died_silently_is_noticed_when_the_stream_should_have_ended(engine: DockerHttp) -> None:
    engine.events = [line(ONE), line(TWO)]
    told = DockerApi(engine.docker_host, timeout=0.1).events(1.0, 1.1)  # type: ignore[arg-type]
    assert next(told) == ONE
    with pytest.raises(EngineError, match=r"(?i)timed out"):
        next(told)
