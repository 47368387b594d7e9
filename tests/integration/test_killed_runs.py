# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: a run may be killed anywhere, even with -9; run again, it ends in the same state, and users notice nothing.

The kills run side by side, each on a project of its own, because what takes long is waiting for locks to expire.
Time budget: 120 s.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.dockerflow.delivery.tests.integration.playbook import RunningPlaybook
from ansible_collections.dockerflow.delivery.tests.integration.project import Project
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually


@dataclass(frozen=True, slots=True)
class Kill:
    """One place to die at. C(reached) says when, of the project and its run; C(alone): only ansible-playbook dies."""

    name: str
    reached: Callable[[Project, RunningPlaybook], bool]
    version: str = "2"
    alone: bool = False


def task(module: str) -> Callable[[Project, RunningPlaybook], bool]:
    return lambda _project, run: module in run.started_tasks()


def locked_stage(stage: str) -> Callable[[Project, RunningPlaybook], bool]:
    return lambda project, _run: (project.world.consul.lock(project.service) or {}).get("stage") == stage


def candidate_starting(project: Project, _run: RunningPlaybook) -> bool:
    return "app-green" in project.world.swarm.services(project.name)


def revision(number: int) -> Callable[[Project, RunningPlaybook], bool]:
    return lambda project, _run: (project.world.consul.route(project.service) or {}).get("revision", 0) >= number


def old_stopping(project: Project, _run: RunningPlaybook) -> bool:
    services = project.world.swarm.services(project.name)
    return services["app-blue"].replicas == 0


KILLS = [
    Kill("holding-the-lock", locked_stage("start")),
    Kill("before-deploy", task("blue_green_deploy")),
    Kill("candidate-starts", candidate_starting),
    Kill("deploy-orphaned", candidate_starting, alone=True),
    Kill("before-proxy", task("proxy_reconfigure")),
    Kill("preparing", revision(2)),
    Kill("flipping", revision(3)),
    Kill("before-stop-old", task("release_stop")),
    Kill("stopping", old_stopping),
]


def test_a_run_that_was_killed_is_finished_by_running_it_again(new_project: Callable[..., Project]) -> None:
    projects = [(new_project(f"killed-{kill.name}", lean=True), kill) for kill in KILLS]
    with ThreadPoolExecutor(len(KILLS)) as pool:
        problems = list(pool.map(lambda pair: die_and_recover(*pair), projects))
    assert not any(problems), "\n".join(problem for problem in problems if problem)


def die_and_recover(project: Project, kill: Kill) -> str:
    """Release, kill, release again. Returns what is wrong in the end, or ''."""
    project.release("1")
    with project.load(rate=20) as load:
        run = project.start(kill.version)
        eventually(lambda: run.over or kill.reached(project, run), f"{kill.name} is reached", timeout=60)
        if run.over:
            return f"{kill.name}: the run ended before it could be killed\n{run.wait()}"
        if kill.alone:
            run.kill_only_ansible()
        else:
            run.kill()
        result = project.deploy(kill.version)
    wrong = []
    if not result.succeeded:
        wrong.append(str(result))
    if load.report.lost:
        wrong.append(str(load.report))
    if project.counts() != {"app-blue": 0, "app-green": 1}:
        wrong.append(f"what runs: {project.counts()}")
    if (project.live, project.get().version) != ("green", kill.version):
        wrong.append(f"live is {project.live}, users see {project.get().version}")
    if project.world.consul.lock(project.service) is not None:
        wrong.append("a lock is left")
    return "\n".join(f"{kill.name}: {one}" for one in wrong)
