# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: --check --diff before each step predicts what the step then reports; run again, it changes nothing.

Time budget: 80 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.playbook import PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World

STEPS = [
    pytest.param("deploy.yml", {"flow": "deploy"}, "blue_green_deploy", id="deploy"),
    pytest.param("deploy.yml", {"flow": "proxy"}, "proxy_reconfigure", id="proxy"),
    pytest.param("deploy.yml", {"flow": "stop-old"}, "release_stop", id="stop-old"),
    pytest.param("playbooks/scale.yml", {"scale": "2"}, "relative_scale", id="scale"),
    pytest.param("playbooks/rollback.yml", {}, "release_rollback", id="rollback"),
]


@pytest.fixture(scope="module")
def books(new_project: Callable[..., Project]) -> Project:
    project = new_project("foretold", lean=True)
    project.release("1")
    return project


@pytest.mark.parametrize(("playbook", "extra", "module"), STEPS)
def test_check_foretells_each_step_and_a_second_run_changes_nothing(
    books: Project, world: World, playbook: str, extra: dict[str, Any], module: str
) -> None:
    def run(*, check: bool = False) -> PlaybookResult:
        result = books.command(playbook, "2", check=check, diff=True, **extra).run()
        assert result.succeeded, str(result)
        return result

    state = everything(books)
    foretold = run(check=True).of(module).values
    assert everything(books) == state, "check mode changed something"
    done = run().of(module).values
    assert foretold["changed"] is True
    assert (foretold["changed"], foretold["diff"]) == (done["changed"], done["diff"])
    if module != "release_rollback":  # a rollback done twice goes forth and back
        assert run().changed == []


def everything(books: Project) -> tuple[Any, ...]:
    """Whatever a step could change: containers, services, route, record, lock."""
    consul, name = books.world.consul, books.service
    services = books.world.swarm.services(books.name)
    instances = {service: books.world.swarm.instances(books.name, service) for service in services}
    return services, instances, consul.route(name), consul.release(name), consul.lock(name)
