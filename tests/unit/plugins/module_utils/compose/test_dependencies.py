# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which services start, and what those that depend on them wait for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.dependencies import Awaited, jobs, start_order
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError


def on(**conditions: str) -> dict[str, Any]:
    """A service that depends on others, by a word of their condition."""
    known = {"started": "service_started", "healthy": "service_healthy", "completed": "service_completed_successfully"}
    return {"depends_on": {name: {"condition": known[said], "required": True} for name, said in conditions.items()}}


ORDERS = [
    pytest.param({"app": {}}, [], [], id="no side targets"),
    pytest.param({"app": {}, "db": {}}, ["db"], [["db"]], id="nobody waits"),
    pytest.param({"app": on(db="healthy"), "db": {}}, ["db"], [["db healthy"]], id="healthy"),
    pytest.param({"app": {"depends_on": {"db": {}}}, "db": {}}, ["db"], [["db started"]], id="without a condition"),
    pytest.param(
        {"app": on(migrate="completed"), "migrate": on(db="healthy"), "db": {}},
        ["migrate", "db"],
        [["db healthy"], ["migrate completed"]],
        id="a chain, whatever the order given",
    ),
    pytest.param(
        {"app": on(db="started", cache="healthy"), "worker": on(db="healthy"), "db": {}, "cache": {}},
        ["worker", "cache", "db"],
        [["cache healthy", "db started healthy"], ["worker"]],
        id="two wait for one",
    ),
    pytest.param({"app": on(db="healthy"), "db": {}}, [], [], id="what is not deployed is not waited for"),
    pytest.param(
        {"app": {}, "front": on(app="healthy")}, ["front"], [["front"]], id="the target comes last in any case"
    ),
    pytest.param({"app": {}, "db": {}}, ["db", "db"], [["db"]], id="named twice"),
]


@pytest.mark.parametrize(("services", "side_targets", "expected"), ORDERS)
def test_the_order(services: dict[str, Any], side_targets: list[str], expected: list[list[str]]) -> None:
    waves = start_order(services, "app", side_targets)
    said = [[" ".join((one.name, *(part.split("_")[1] for part in one.conditions))) for one in wave] for wave in waves]
    assert [sorted(wave) for wave in said] == expected


def test_who_is_not_required() -> None:
    optional = {"depends_on": {"db": {"condition": "service_healthy", "required": False}}}
    services = {"app": optional, "worker": optional, "db": {}}
    assert start_order(services, "app", ["db"]) == ((Awaited("db", ("service_healthy",), False),),)
    services["worker"] = on(db="started")
    assert start_order(services, "app", ["db", "worker"])[0][0].required


def test_a_circle_is_refused() -> None:
    services = {"app": on(a="healthy"), "a": on(b="healthy"), "b": on(a="healthy")}
    with pytest.raises(DeliveryError, match=r"^depends_on goes round in a circle, a → b → a: take one of these away"):
        start_order(services, "app", ["a", "b"])


def test_jobs_are_those_that_are_to_complete() -> None:
    services = {"app": on(db="healthy", migrate="completed"), "db": on(seed="completed")}
    assert jobs(services, ["app"]) == {"migrate"}
    assert jobs(services, ["app", "db"]) == {"migrate", "seed"}
