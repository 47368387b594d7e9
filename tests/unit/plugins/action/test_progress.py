# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import become_loader, connection_loader
from ansible.template import Templar
from ansible_collections.dockerflow.delivery.plugins.action import progress

ROOT = Path(__file__).resolve().parents[4]
MODULE = "dockerflow.delivery.release_stop"
DEADLINE = 10.0  # seconds until a test that waits for a line gives up

Body = Callable[[dict[str, Any]], dict[str, Any]]


class Shown:
    """What people see, as pairs of the text and whether it goes to standard error; C(wait) until there is any."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, bool]] = []
        self._any = threading.Event()

    def display(self, text: str, stderr: bool = False) -> None:
        self.lines.append((text, stderr))
        self._any.set()

    def wait(self) -> bool:
        return self._any.wait(DEADLINE)


class Followed(progress.ActionModule):
    """The action, running C(body) in place of a module, which gets the options and returns the result."""

    body: Body
    calls: list[dict[str, Any]]

    def _execute_module(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        return type(self).body(call["module_args"])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(progress, "display", shown)
    monkeypatch.setattr(progress, "INTERVAL", 0.001)
    monkeypatch.delenv(progress.SWITCH, raising=False)
    return shown


def action(body: Body, *, action: str = MODULE, check: bool = False, seconds: int = 0, **options: Any) -> Followed:
    task = Task()
    task.action, task.args, task.check_mode, task.async_val = action, {"target": "app", **options}, check, seconds
    task._resolved_action = MODULE
    connection = connection_loader.get("local", PlayContext())
    kind = type("Followed", (Followed,), {"body": staticmethod(body), "calls": []})
    loader = DataLoader()
    made: Followed = kind(task, connection, PlayContext(), loader, Templar(loader, {}), None)
    return made


def says_nothing(options: dict[str, Any]) -> dict[str, Any]:
    return {"changed": False}


def test_every_module_that_waits_is_followed() -> None:
    routing = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    followed = routing["plugin_routing"]["modules"]
    waiting = [name for name in routing["action_groups"]["delivery"] if name != "release_info"]
    assert sorted(followed) == waiting
    for name in waiting:
        plugin = followed[name]["action_plugin"].rpartition(".")[2]
        found = importlib.import_module(f"ansible_collections.dockerflow.delivery.plugins.action.{plugin}")
        assert issubclass(found.ActionModule, progress.ActionModule), name


def test_lines_are_shown_on_standard_error_while_the_module_runs(shown: Shown) -> None:
    def body(options: dict[str, Any]) -> dict[str, Any]:
        path = Path(options["progress_file"])
        path.write_text("1 of 2 healthy\n", encoding="utf-8")
        try:
            assert shown.wait(), "nothing was shown while the module ran"
        finally:
            path.unlink()
        return {"changed": True}

    followed = action(body)
    assert followed.run(task_vars={"inventory_hostname": "m1"}) == {"changed": True}
    assert shown.lines == [("[m1] 1 of 2 healthy", True)]


def test_the_file_is_read_on_a_connection_that_nobody_else_uses(shown: Shown) -> None:
    followed = action(says_nothing)
    followed._connection.set_become_plugin(become_loader.get("sudo"))
    reader = followed._with_own_connection()
    reader._connection.become.prompt = "password of the reader"
    assert reader._connection is not followed._connection
    assert followed._connection.become.prompt != "password of the reader"


NOT_FOLLOWED: list[Any] = [
    pytest.param({"check": True}, {}, id="check mode"),
    pytest.param({"seconds": 60}, {}, id="async"),
    pytest.param({"progress_file": "/tmp/mine"}, {}, id="a file of the user's own"),
    pytest.param({}, {"DOCKER_FLOW_PROGRESS": "no"}, id="switched off"),
    pytest.param({}, {"DOCKER_FLOW_PROGRESS": "0"}, id="switched off by a number"),
]


@pytest.mark.parametrize(("given", "environ"), NOT_FOLLOWED)
def test_not_followed(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], environ: dict[str, str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    started = threading.active_count()
    followed = action(lambda options: {"threads": threading.active_count() - started}, **given)
    assert followed.run() == {"threads": 0}
    options = {name: value for name, value in given.items() if name == "progress_file"}
    assert followed.calls[0]["module_args"] == {"target": "app", **options}
    assert bool(followed.calls[0]["wrap_async"]) == bool(given.get("seconds"))


@pytest.mark.parametrize(
    "name", [MODULE, "release_stop", "someone.elses.redirect"], ids=["full name", "short name", "redirect"]
)
def test_it_runs_the_module_that_the_task_names(shown: Shown, name: str) -> None:
    followed = action(says_nothing, action=name)
    followed.run()
    assert followed.calls[0]["module_name"] == MODULE


def test_the_result_and_the_task_stay_as_they_are(shown: Shown) -> None:
    def body(options: dict[str, Any]) -> dict[str, Any]:
        return {"changed": True, "warnings": ["w"], "diff": {}, "invocation": {"module_args": dict(options)}}

    followed = action(body)
    assert followed.run() == {
        "changed": True,
        "warnings": ["w"],
        "diff": {},
        "invocation": {"module_args": {"target": "app", "progress_file": None}},
    }
    assert followed._task.args == {"target": "app"}


@pytest.mark.parametrize(
    "result",
    [{"failed": True, "msg": "no"}, {"invocation": None}, {"invocation": {"module_args": "VALUE_HIDDEN"}}],
    ids=["failed", "no invocation", "hidden invocation"],
)
def test_any_result_is_passed_on(shown: Shown, result: dict[str, Any]) -> None:
    assert action(lambda options: result).run() == result


def test_a_host_that_is_lost_meanwhile_is_reported_by_ansible_itself(shown: Shown) -> None:
    def body(options: dict[str, Any]) -> dict[str, Any]:
        raise AnsibleConnectionFailure("gone")

    started = threading.active_count()
    with pytest.raises(AnsibleConnectionFailure, match="gone"):
        action(body).run()
    assert threading.active_count() == started, "the follower goes on without its module"


LOOKS: list[Any] = [
    pytest.param([["a", "b"], [], ["c"]], ["b", "c"], [0, 2, 2], id="the last line says how far it is"),
    pytest.param([["a"], ["a"], ["b"]], ["a", "b"], [0, 1, 2], id="nothing twice"),
    pytest.param([AnsibleConnectionFailure("x"), OSError("x"), ["a"]], ["a"], [0, 0, 0], id="a look that fails"),
]


@pytest.mark.parametrize(("answers", "expected", "asked"), LOOKS)
def test_looks(shown: Shown, answers: list[Any], expected: list[str], asked: list[int]) -> None:
    known: list[int] = []

    def read(seen: int) -> list[str]:
        known.append(seen)
        answer = answers[len(known) - 1]
        if isinstance(answer, Exception):
            raise answer
        lines: list[str] = answer
        return lines

    follower = progress.Follower(read, "m1", 1.0)
    for _answer in answers:
        follower.look()
    assert [text for text, _stderr in shown.lines] == [f"[m1] {line}" for line in expected]
    assert known == asked


def test_a_look_that_hangs_delays_nothing_and_says_nothing_afterwards(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LAST_LOOK", 0.01)
    looking, answered = threading.Event(), threading.Event()

    def read(seen: int) -> list[str]:
        looking.set()
        answered.wait(DEADLINE)
        return ["too late"]

    follower = progress.Follower(read, "m1", 0.001)
    follower.start()
    assert looking.wait(DEADLINE)
    follower.finish()
    assert follower.is_alive(), "it was waited for"
    answered.set()
    follower.join(DEADLINE)
    assert shown.lines == []
