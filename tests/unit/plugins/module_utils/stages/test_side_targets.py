# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Side targets: what they keep, and when they are there."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.side_targets import (
    running_side_targets,
    wait_for_side_targets,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World


def test_side_targets_keep_what_they_run_with(world: World) -> None:
    world.engine.put("books-ms_db", 3, image="db:1@sha256:old")
    kept = running_side_targets(world.release.engine, "books-ms", ["db", "cache"])
    assert {name: (one.replicas, one.image) for name, one in kept.items()} == {"db": (3, "db:1@sha256:old")}


def test_waited_for_until_all_instances_are_healthy(world: World) -> None:
    world.engine.put("books-ms_db", 3)
    wait_for_side_targets(world.start_run(), ["db"], 0.0, 3)


def test_one_that_does_not_come_up(world: World) -> None:
    world.engine.outcome["books-ms_db"] = "starting"
    world.engine.put("books-ms_db", 1)
    with pytest.raises(DeliveryError, match="'books-ms_db' did not become healthy: after 0 s 0 of 1"):
        wait_for_side_targets(world.start_run(), ["db"], 0.0, 3)


def test_one_that_is_gone(world: World) -> None:
    with pytest.raises(DeliveryError, match="side target 'db' vanished"):
        wait_for_side_targets(world.start_run(), ["db"], 0.0, 3)
