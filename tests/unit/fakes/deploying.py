# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploying the shop to the fake engine."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import ComposeProject
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import ImageState
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.deploy import DeployPlan, deploy, plan_deploy
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import DeployWish, Sources, prepare
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

from .world import World

AT_ONCE = DeployWish(timeout=0.0, drain_timeout=0.0, stop_timeout=0.0)


def project() -> ComposeProject:
    """The shop under the name of the project that the world knows."""
    return replace(shop(), name="books-ms")


def shop_sources(world: World, colored: bool = True) -> Sources:
    """The shop, whose images are here."""
    world.engine.images = {"app:1": ImageState("sha256:1"), "db:1": ImageState("sha256:2")}
    return prepare(world.release.engine, project(), "app", AT_ONCE, colored=colored)


def run(world: World, sources: Sources, wish: DeployWish = AT_ONCE) -> DeployPlan:
    """Plan and deploy as the module does."""
    release = world.release
    truth = release.truth()
    plan = plan_deploy(wish, truth, release.record.catch_up(truth), sources.spec, sources.image, sources.from_file)
    if plan.changed:
        deploy(release, sources, plan, wish)
    return plan
