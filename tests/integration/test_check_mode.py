# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: --check --diff before each step predicts what the step then reports; run again, it changes nothing.

Time budget: 80 s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.playbook import PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World


def nothing_more(_books: Project) -> None:
    pass


def candidate_waits(books: Project) -> None:
    stages.deploy(books, "2")


def old_colour_runs(books: Project) -> None:
    stages.deploy(books, "2")
    stages.flip(books)


def previous_is_stopped(books: Project) -> None:
    stages.stand(books, "2")


@dataclass(frozen=True, slots=True)
class Step:
    """A step that C(module) does, after C(before) was done to a project whose users are on version 1."""

    playbook: str
    module: str
    extra: dict[str, str] = field(default_factory=dict)
    before: Callable[[Project], None] = nothing_more
    repeatable: bool = True


STEPS = {
    "deploy": Step("deploy.yml", "blue_green_deploy", {"flow": "deploy"}),
    "proxy": Step("deploy.yml", "proxy_reconfigure", {"flow": "proxy"}, candidate_waits),
    "stop-old": Step("deploy.yml", "release_stop", {"flow": "stop-old"}, old_colour_runs),
    "scale": Step("playbooks/scale.yml", "relative_scale", {"scale": "2"}),
    # A rollback done twice goes forth and back.
    "rollback": Step("playbooks/rollback.yml", "release_rollback", {}, previous_is_stopped, repeatable=False),
}


@pytest.fixture(scope="module")
def books(new_project: Callable[..., Project]) -> Project:
    return new_project("foretold", lean=True)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_check_foretells_each_step_and_a_second_run_changes_nothing(books: Project, world: World, step: Step) -> None:
    def run(*, check: bool = False) -> PlaybookResult:
        result = books.command(step.playbook, "2", check=check, diff=True, **step.extra).run()
        assert result.succeeded, str(result)
        return result

    stages.stand(books, "1")
    step.before(books)
    state = everything(books)
    foretold = run(check=True).of(step.module).values
    assert everything(books) == state, "check mode changed something"
    done = run().of(step.module).values
    assert foretold["changed"] is True
    assert (foretold["changed"], foretold["diff"]) == (done["changed"], done["diff"])
    if step.repeatable:
        assert run().changed == []


def everything(books: Project) -> tuple[Any, ...]:
    """Whatever a step could change: containers, services, route, record, lock."""
    consul, name = books.world.consul, books.service
    services = books.world.swarm.services(books.name)
    instances = {service: books.world.swarm.instances(books.name, service) for service in services}
    return services, instances, consul.route(name), consul.release(name), consul.lock(name)
