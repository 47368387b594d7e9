# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: the target starts once what it depends on is as its Compose file says, which Swarm alone does not look at.

Time budget: 90 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.modules import blue_green_deploy
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.modules import call
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World

# Ends at once where nobody listens, as programs without patience do.
CONNECT = "python3 -c \"import socket; socket.create_connection(('db', 6379), 3)\""
# The first time it fails, and remembers that on a volume.
MIGRATION = "if [ -e /memory/failed ]; then echo migrated; else touch /memory/failed; echo no such table; exit 3; fi"
SIDES = ["migrate", "db"]


def write(project: Project, migration: str) -> None:
    """A database that needs seconds to be ready, a migration that needs it, and a target that needs both."""
    document = project.compose()
    app, db = document["services"]["app"], document["services"]["db"]
    app["entrypoint"] = ["sh", "-c", f"{CONNECT} && exec python3 /app/books.py"]
    app["depends_on"] = {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    db["command"] = ["sh", "-c", "sleep 3; exec redis-server --dir /data --protected-mode no"]
    db["healthcheck"] = {"test": ["CMD", "redis-cli", "ping"], "interval": "1s", "start_period": "20s"}
    document["services"]["migrate"] = {
        "image": "dockerflow/books-ms:1",
        "user": "root",
        "entrypoint": ["sh", "-c", f"{CONNECT} || exit 4; {migration}"],
        "healthcheck": {"disable": True},
        "volumes": ["memory:/memory"],
        "depends_on": {"db": {"condition": "service_healthy"}},
        "deploy": {"endpoint_mode": "dnsrr"},
    }
    document["volumes"]["memory"] = None
    project.write_compose(document)
    project.write_settings(project.settings() | {"side_targets": SIDES})


def states(world: World, project: Project, service: str) -> list[tuple[str, str]]:
    """When each task of a service was made and how it stands, oldest first."""
    found = world.swarm.client.api.tasks(filters={"service": f"{project.name}_{service}"})
    return sorted((task["CreatedAt"], task["Status"]["State"]) for task in found)


def ended(world: World, project: Project, service: str) -> str:
    """When the newest task of a service ended."""
    found = world.swarm.client.api.tasks(filters={"service": f"{project.name}_{service}"})
    newest: dict[str, Any] = max(found, key=lambda task: task["CreatedAt"])
    return str(newest["Status"]["Timestamp"])


@pytest.fixture(scope="module")
def ordered(new_project: Callable[..., Project]) -> Project:
    return new_project("ordered")


def test_a_migration_that_fails_holds_the_target_back_and_is_tried_again(ordered: Project, world: World) -> None:
    write(ordered, MIGRATION)
    options: dict[str, Any] = {
        "project": ordered.name,
        "target": "app",
        "project_src": str(ordered.folder),
        "side_targets": SIDES,
    }
    options |= {"env": {"BOOKS_MS_VERSION": "1"}, "consul_prefix": world.consul.prefix, "max_failures": 1}
    result = call(blue_green_deploy, options)
    assert result["failed"]
    assert result["msg"].startswith("stage deploy: side target 'migrate': service 'ordered_migrate' did not complete: ")
    assert "(exit code 3); last log lines: no such table" in result["msg"]
    assert set(ordered.counts()) == {"db", "migrate"}  # no candidate was ever started
    assert [state for _made, state in states(world, ordered, "migrate")] == ["failed"]

    stages.deploy(ordered, "1", max_failures=1)
    assert [state for _made, state in states(world, ordered, "migrate")] == ["failed", "complete"]
    ((made, state),) = states(world, ordered, "app-blue")
    assert state == "running"
    assert made > ended(world, ordered, "migrate")


def test_a_migration_runs_once_for_each_release_that_has_another_one(ordered: Project, world: World) -> None:
    write(ordered, "echo migrated")
    stages.stand(ordered, "1")
    before = states(world, ordered, "migrate")
    assert before[-1][1] == "complete"
    stages.deploy(ordered, "2", max_failures=1)
    assert states(world, ordered, "migrate") == before
    write(ordered, "echo migrated once more")
    stages.deploy(ordered, "2", max_failures=1, force=True)
    assert [state for _made, state in states(world, ordered, "migrate")[len(before) :]] == ["complete"]
