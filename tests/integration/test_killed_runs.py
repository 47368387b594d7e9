# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: a run may be killed anywhere, even with -9; run again, it ends in the same state, and users notice nothing.

Several projects are killed side by side, because what takes long is waiting for locks to expire. Time budget: 110 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.dockerflow.delivery.tests.integration.playbook import RunningPlaybook
from ansible_collections.dockerflow.delivery.tests.integration.project import Project
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually


@dataclass(frozen=True, slots=True)
class Situation:
    """A release in progress. C(old) and C(new) are colours, C(revision) the route's before it began."""

    project: Project
    run: RunningPlaybook
    old: str
    new: str
    revision: int

    def started(self, module: str) -> bool:
        return module in self.run.started_tasks()

    def replicas(self, color: str) -> int:
        service = self.project.world.swarm.services(self.project.name).get(f"app-{color}")
        return 0 if service is None else service.replicas

    def writes(self) -> int:
        """How often the run has written the route."""
        return revision(self.project) - self.revision


@dataclass(frozen=True, slots=True)
class Kill:
    """One place to die at, reached when C(reached). C(alone): only ansible-playbook dies, its module goes on."""

    name: str
    reached: Callable[[Situation], bool]
    alone: bool = False


KILLS = [
    Kill("before deploy", lambda now: now.started("blue_green_deploy")),
    Kill("while the candidate starts", lambda now: now.replicas(now.new) > 0),
    Kill("before proxy", lambda now: now.started("proxy_reconfigure")),
    Kill("while the proxies prepare", lambda now: now.started("proxy_reconfigure") and now.writes() >= 1),
    Kill("at the flip", lambda now: now.project.live == now.new),
    Kill("before stop-old", lambda now: now.started("release_stop")),
    Kill("while the old colour stops", lambda now: now.project.live == now.new and now.replicas(now.old) == 0),
    Kill("ansible alone, while the candidate starts", lambda now: now.replicas(now.new) > 0, alone=True),
]
SIDE_BY_SIDE = 4


def test_a_run_that_was_killed_is_finished_by_running_it_again(new_project: Callable[..., Project]) -> None:
    projects = [new_project(f"killed-{number}", lean=True) for number in range(SIDE_BY_SIDE)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        shares = [KILLS[number::SIDE_BY_SIDE] for number in range(SIDE_BY_SIDE)]
        problems = [problem for found in pool.map(die_and_recover, projects, shares) for problem in found]
    assert not problems, "\n".join(problems)


def die_and_recover(project: Project, kills: Sequence[Kill]) -> list[str]:
    """Release, be killed, release again, once per kill; returns what is wrong after any of them."""
    project.release("1")
    problems = []
    for number, kill in enumerate(kills):
        version = "21"[number % 2]
        with project.load(rate=20) as load:
            wrong = recover_from(project, kill, version)
        if load.report.lost:
            wrong.append(str(load.report))
        problems += [f"killed {kill.name}: {one}" for one in wrong]
    return problems


def recover_from(project: Project, kill: Kill, version: str) -> list[str]:
    old = project.live or ""
    new = "green" if old == "blue" else "blue"
    run = project.start(version)
    now = Situation(project, run, old, new, revision(project))
    eventually(lambda: kill.reached(now) or run.over, f"{kill.name} is reached", timeout=90)
    if run.over:
        return [f"the run ended before it could be killed\n{run.wait()}"]
    if kill.alone:
        run.kill_only_ansible()
    else:
        run.kill()
    result = project.deploy(version)
    if not result.succeeded:
        return [str(result)]
    wrong = []
    if project.counts() != {f"app-{old}": 0, f"app-{new}": 1}:
        wrong.append(f"what runs: {project.counts()}")
    if (project.live, project.get().version) != (new, version):
        wrong.append(f"live is {project.live} instead of {new}, users see {project.get().version}")
    if project.world.consul.lock(project.service) is not None:
        wrong.append("a lock is left")
    return wrong


def revision(project: Project) -> int:
    route = project.world.consul.route(project.service)
    return 0 if route is None else int(route["revision"])
