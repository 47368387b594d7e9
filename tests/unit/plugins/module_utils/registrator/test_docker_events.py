# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading Docker's event documents, and following a stream that breaks and comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_api import DockerApi
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_events import (
    WINDOW,
    EventStream,
    event_of,
    history,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.schedule import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.stopping import TASK_GRACE, Event
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.scripted_time import ScriptedTime


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            {"Action": "kill", "Actor": {"ID": "a", "Attributes": {"signal": "15"}}, "timeNano": 1_500_000_000},
            Event("a", "kill", 15, 1.5),
            id="kill with its signal",
        ),
        pytest.param(
            {"Action": "health_status: healthy", "Actor": {"ID": "a", "Attributes": None}, "timeNano": 0},
            Event("a", "health_status", None, 0.0),
            id="health",
        ),
        pytest.param(
            {"Type": "container", "Action": "start", "Actor": {"ID": "a"}},
            Event("a", "start", None, 0.0),
            id="without the fields that API 1.52 dropped",
        ),
        pytest.param({"status": "start", "id": "a"}, None, id="the old fields are not read"),
        pytest.param({}, None, id="empty"),
        pytest.param([], None, id="a list"),
        pytest.param({"Action": "kill", "Actor": "a"}, None, id="an actor that is none"),
        pytest.param({"Action": 1, "Actor": {"ID": "a"}}, None, id="an action that is a number"),
        pytest.param({"Action": "kill", "Actor": {"ID": "a"}, "timeNano": "x"}, None, id="a time that is none"),
        pytest.param(
            {"Action": "kill", "Actor": {"ID": "a", "Attributes": {"signal": 15}}, "timeNano": 0},
            Event("a", "kill", 15, 0.0),
            id="a signal as a number",
        ),
    ],
)
def test_event(document: dict[str, Any], expected: Event | None) -> None:
    assert event_of(document) == expected


class EndOfTestError(BaseException):
    """What the script ends a stream with that never ends by itself."""


@dataclass
class Followed:
    """What a stream told: events as C(action name), and C(complete) where it was connected."""

    engine: FakeDocker
    told: list[str] = field(default_factory=list)
    on_event: Callable[[Event], None] | None = None

    def until(self, seconds: float) -> list[str]:
        """Follow for that long, from now on."""

        def end() -> None:
            raise EndOfTestError

        self.engine.time.after(seconds, end)
        stream = EventStream(
            DockerApi("unix:///engine"), self.on_event or self._event, lambda: self.told.append("complete")
        )
        with pytest.raises(EndOfTestError):
            stream.run()
        return self.told

    def _event(self, event: Event) -> None:
        name = bytes.fromhex(event.container).rstrip(b"\0").decode()
        self.told.append(f"{event.action} {name}")


@pytest.fixture
def followed(engine: FakeDocker) -> Followed:
    return Followed(engine)


def test_what_happened_before_the_start_is_told_first(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    time.now -= TASK_GRACE + 1
    engine.run("old")
    time.now += 2
    engine.run("young")
    time.now += TASK_GRACE - 1
    time.after(5, lambda: engine.run("new"))
    assert followed.until(10) == ["start young", "complete", "start new"]


def test_events_that_mean_nothing_to_registration_are_not_asked_for(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    container = engine.run("app")
    for action in ("exec_start: sh -c true", "top", "health_status: healthy"):
        engine.happen(action, container)
    time.now += 1
    assert followed.until(1) == ["start app", "health_status app", "complete"]


def test_a_gap_in_the_stream_is_asked_for_when_it_is_back(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    time.after(10, lambda: engine.run("first"))
    time.after(15, lambda: engine.run("before"))
    time.after(20, engine.stop)
    time.after(21, lambda: engine.run("meanwhile"))
    time.after(22, engine.start)
    time.after(40, lambda: engine.run("after"))
    # The last event before the gap is told again: asking from its moment on loses none of the same moment.
    assert followed.until(50) == [
        *("complete", "start first", "start before"),
        *("start before", "start meanwhile", "complete"),
        "start after",
    ]


def test_no_event_is_lost_where_one_stream_is_renewed(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    # The next stream is asked for FIRST_PAUSE after the end of the first one.
    time.after(WINDOW + FIRST_PAUSE / 2, lambda: engine.run("between"))
    assert followed.until(WINDOW + 10) == ["complete", "start between", "complete"]
    assert [float(query["until"]) - float(query["since"]) for query in engine.asked] == [
        pytest.approx(TASK_GRACE),
        pytest.approx(WINDOW),
        pytest.approx(WINDOW + FIRST_PAUSE),
        pytest.approx(WINDOW),
    ]


def test_an_engine_that_is_away_for_long_is_asked_less_and_less_often(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    engine.stop()
    assert followed.until(60) == []
    assert time.slept[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, LONGEST_PAUSE]
    assert set(time.slept[5:]) == {LONGEST_PAUSE}


def test_a_stream_that_lasted_is_asked_for_soon_again(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    engine.stop()
    time.after(20, engine.start)
    time.after(60, engine.stop)
    assert followed.until(60.1) == ["complete"]
    assert time.slept[-2:] == [LONGEST_PAUSE, FIRST_PAUSE]


def test_an_engine_that_forgot_the_events_is_complete_all_the_same(
    time: ScriptedTime, engine: FakeDocker, followed: Followed
) -> None:
    # The comparison that a complete stream asks for finds what these events would have told.
    time.after(10, engine.stop)
    time.after(11, lambda: engine.run("meanwhile"))
    time.after(12, lambda: engine.start(forgetful=True))
    assert followed.until(30) == ["complete", "complete"]


def test_the_stream_is_followed_whatever_goes_wrong_with_one_event(
    time: ScriptedTime, engine: FakeDocker, followed: Followed, said: Callable[[], list[str]]
) -> None:
    failures = [RuntimeError("nobody thought of this")]
    note = followed.told.append

    def fail_once(event: Event) -> None:
        if failures:
            raise failures.pop()
        note(event.action)

    followed.on_event = fail_once
    time.after(5, lambda: engine.run("one"))
    time.after(10, lambda: engine.run("two"))
    assert followed.until(20) == ["complete", "start", "complete", "start"]
    assert said() == ["following Docker's events failed, they are asked for again"]


def test_history_has_what_is_an_event(time: ScriptedTime, engine: FakeDocker) -> None:
    container = engine.run("app")
    engine.happen("kill", "", signal="15")
    engine.kill(container)
    told = history(DockerApi("unix:///engine"), time.time() - 1, time.time())
    assert [(event.action, event.signal) for event in told] == [("start", None), ("kill", 15)]
