# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose registration it is, and which instances the catalog does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import EngineError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.blame import Scene, blame, judge_blame
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import TaskState
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import ColorStatus, FailedCheck
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

PLACE = "10.0.0.1:32768"
TASK = TaskState("t1", 1, "2026", "running", running=True, node_address="10.0.0.1", ports=frozenset({32768}))
HERE = Instance("i1", "10.0.0.1", 32768, "n1", True, True, {"swarm_task": "t1"}, ())


def short(kind: str = "", got: str = "", servers: int = 1) -> ColorStatus:
    return ColorStatus(servers, 0, 0, failing=(FailedCheck(PLACE, kind, got),) if kind else ())


def scene(**changes: object) -> Scene:
    usual = Scene("shop-app-blue", 1, "/ready", {"p1": short("refused")}, (), (TASK,), (HERE,))
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "program", "words"),
    [
        pytest.param(
            scene(), True, ["the program", "0.0.0.0", "target_port", "health check", "raise timeout"], id="refused"
        ),
        pytest.param(scene(short={"p1": short("closed")}), True, ["0.0.0.0", "target_port"], id="closed"),
        pytest.param(scene(short={"p1": short("timeout")}), True, ["does not answer", "'/ready'"], id="it hangs"),
        pytest.param(scene(short={"p1": short("invalid")}), True, ["HTTP/1.1", "target_port"], id="another protocol"),
        pytest.param(
            scene(short={"p1": short("status")}),
            True,
            ["answers '/ready' with an error", "check_path", "health check", "raise proxy_timeout"],
            id="an error",
        ),
        pytest.param(scene(short={"p1": short("unchecked")}), True, ["raise timeout"], id="no check yet"),
        pytest.param(scene(short={"p1": short("of tomorrow")}), True, ["the program"], id="a kind that nobody knows"),
        pytest.param(
            scene(short={"p1": short("unreachable")}), True, ["network", "docker_published_ports_allow"], id="no way"
        ),
        pytest.param(
            scene(content=("p2",)), False, ["p2 can reach", "the way from p1", "exclude_proxies"], id="another can"
        ),
        pytest.param(
            scene(short={"p1": short("status")}, content=("p2",)), True, ["an error"], id="another gets no error"
        ),
        pytest.param(scene(registered=()), False, ["registrator runs on node 10.0.0.1", "lists 0 of 1"], id="unknown"),
        pytest.param(
            scene(registered=(replace(HERE, passing=False),)), True, ["a check in Consul", "the program"], id="critical"
        ),
        pytest.param(
            scene(short={"p1": short(servers=0)}), False, ["it is the proxy", "agent on p1"], id="the proxy is late"
        ),
        pytest.param(scene(running=()), True, ["only 0 of 1 instances run"], id="it ended"),
        pytest.param(scene(short={"p1": short()}), True, ["do not say what their checks got"], id="an old agent"),
    ],
)
def test_who_is_to_blame(given: Scene, program: bool, words: list[str]) -> None:
    verdict = judge_blame(given)
    assert [word for word in words if word not in verdict.sentence] == []
    assert verdict.program is program
    assert ("exclude" in verdict.sentence) <= (not program), "a proxy is not excluded for what a program does"


def test_the_log_is_that_of_the_instance_which_fails(world: World) -> None:
    world.colour("blue", 2)
    world.engine.logs = ["listening on 127.0.0.1"]
    place = world.consul.services["books-ms-app-blue"][1]
    failing = ColorStatus(2, 1, 0, failing=(FailedCheck(f"{place.address}:{place.port}", "refused", ""),))
    verdict = blame(world.release, "blue", 2, "/", {"p1": failing})
    assert verdict.task is not None
    assert verdict.task.id == place.task
    assert verdict.log == ["listening on 127.0.0.1"]


def test_what_cannot_be_asked_hides_no_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_name: str) -> None:
        raise EngineError("Docker does not answer")

    monkeypatch.setattr(world.engine, "service", away)
    assert "Docker does not answer" in blame(world.release, "blue", 1, "/", {}).sentence
