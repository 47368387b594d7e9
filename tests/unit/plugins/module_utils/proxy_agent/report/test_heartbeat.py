# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the acknowledgement is written and renewed, by a clock that a test moves."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.report.heartbeat import Heartbeat, essence
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.report.publication import Publication
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul

KEY = "docker-flow/proxies/p1"


def document(revision: int = 1, open_: int = 0, **values: Any) -> dict[str, Any]:
    service = {"revision": revision, "error": None, "live": "blue", "colors": {"blue": {"open": open_}}, **values}
    return {"services": {"books": service}}


class Stage:
    """A heartbeat whose thread is the test; C(now) is its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.consul = FakeConsul()
        self.heartbeat = Heartbeat(Publication(self.consul, KEY, 100), lambda: self.now)

    @property
    def stands(self) -> dict[str, Any] | None:
        """What is published, less its order."""
        entry = self.consul.keys.get(KEY)
        if entry is None:
            return None
        return {name: value for name, value in json.loads(entry.value).items() if name != "order"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def published(stage: Stage) -> Stage:
    """The first document is out."""
    stage.heartbeat.publish(document())
    assert stage.heartbeat.due_in() == 0.0
    stage.heartbeat.beat()
    assert stage.stands == document()
    return stage


def test_without_a_document_there_is_no_heartbeat(stage: Stage) -> None:
    assert stage.heartbeat.due_in() is None
    stage.heartbeat.beat()
    assert (stage.stands, stage.consul.sessions) == (None, set())


@pytest.mark.parametrize(
    ("change", "due"),
    [
        pytest.param(document(), 3.0, id="the same: the session is renewed"),
        pytest.param(document(open_=7), 0.2, id="a number moved"),
        pytest.param(document(2), 0.0, id="another revision"),
        pytest.param(document(error="x"), 0.0, id="an error"),
        pytest.param(document(live="green"), 0.0, id="another colour is live"),
        pytest.param({"services": {}}, 0.0, id="the route is gone"),
    ],
)
def test_what_somebody_waits_for_goes_out_at_once(published: Stage, change: dict[str, Any], due: float) -> None:
    published.heartbeat.publish(change)
    assert published.heartbeat.due_in() == pytest.approx(due)


def test_an_urgent_document_stays_urgent_when_a_number_follows(published: Stage) -> None:
    published.heartbeat.publish(document(2))
    published.heartbeat.publish(document(2, open_=7))
    assert published.heartbeat.due_in() == 0.0
    published.heartbeat.beat()
    assert published.stands == document(2, open_=7)


def test_nothing_new_is_not_written_again(published: Stage) -> None:
    written = len(published.consul.written)
    published.now += 3
    published.heartbeat.beat()
    assert len(published.consul.renewed) == 1
    assert len(published.consul.written) == written


def test_a_session_is_renewed_although_numbers_move_all_the_time(published: Stage) -> None:
    for number in range(20):
        published.now += 0.2
        published.heartbeat.publish(document(open_=number + 1))
        published.heartbeat.beat()
    assert len(published.consul.renewed) == 1


def test_a_session_that_expired_brings_the_document_back(published: Stage) -> None:
    session = published.consul.keys.pop(KEY).session
    assert session is not None
    published.consul.expire(session)
    published.now += 3
    published.heartbeat.beat()
    assert published.stands == document()


def test_a_silent_consul_is_asked_again_a_second_later(published: Stage, caplog: pytest.LogCaptureFixture) -> None:
    published.consul.silent = True
    published.heartbeat.publish(document(2))
    with caplog.at_level(logging.WARNING):
        published.heartbeat.beat()
    assert "could not be written" in caplog.text
    assert published.stands == document()
    assert published.heartbeat.due_in() == 1.0
    published.heartbeat.publish(document(3))
    assert published.heartbeat.due_in() == 1.0
    published.now += 1
    published.consul.silent = False
    assert published.heartbeat.due_in() == 0.0
    published.heartbeat.beat()
    assert published.stands == document(3)
    assert published.heartbeat.due_in() == 3.0


def test_a_key_that_another_agent_holds_is_tried_again_soon(published: Stage) -> None:
    previous = published.consul.create_session("before", 10, 0)
    published.consul.seed(KEY, "{}", previous)
    published.heartbeat.publish(document(2))
    published.heartbeat.beat()
    assert published.heartbeat.due_in() == pytest.approx(0.2)
    published.heartbeat.beat()
    assert published.stands == document(2)


def test_its_thread_writes_what_is_published_and_takes_it_back() -> None:
    consul = FakeConsul()
    written = threading.Event()
    consul.watchers.append(lambda _key: written.set())
    heartbeat = Heartbeat(Publication(consul, KEY, 100))
    heartbeat.start()
    heartbeat.publish(document())
    assert written.wait(10)
    heartbeat.stop(10)
    assert consul.sessions == set()


def test_the_essence_is_what_somebody_waits_for() -> None:
    assert essence(None) == {}
    assert essence(document(4, open_=2)) == {"books": (4, None, "blue")}
