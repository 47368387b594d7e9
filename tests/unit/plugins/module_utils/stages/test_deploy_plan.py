# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage deploy: which colour gets how many instances of what, and whether that is needed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.deploy import DeployPlan, plan_deploy, shown
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.images import PinnedImage
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.sources import DeployWish
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import service
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

IMAGE = PinnedImage("app:1", "sha256:1")


def truth(
    live: str | None = None,
    running: dict[str, int] | None = None,
    specs: dict[str, str] | None = None,
    replicas: dict[str, int] | None = None,
    **split: Any,
) -> Truth:
    """What holds: the live colour by the route, what runs, which spec each colour has, and how many shall run."""
    running, specs = running or {}, specs or {}
    services = {}
    for color in {*running, *specs}:
        services[color] = service(
            f"books-ms_app-{color}", (replicas or running).get(color, 0), specs.get(color, "another")
        )
    route = Route(SERVICE, 4, ("/",), Split(live, **split), instances=running) if live else None
    return Truth(route, 7 if route else 0, {}, services, running, SERVICE)


def planned(found: Truth, spec: str = "new", record: ReleaseRecord | None = None, **wish: Any) -> DeployPlan:
    return plan_deploy(DeployWish(**wish), found, record or ReleaseRecord("books-ms", "app"), spec, IMAGE, 3)


@pytest.mark.parametrize(
    ("found", "wish", "expected"),
    [
        pytest.param(truth(), {}, ("blue", 3), id="first release: blue, as many as the file says"),
        pytest.param(truth(), {"scale": Scale.parse("2")}, ("blue", 2), id="first release, absolute"),
        pytest.param(
            truth(), {"scale": Scale.parse("+1")}, ("blue", 4), id="first release, step from the file's number"
        ),
        pytest.param(truth("blue", {"blue": 2}), {}, ("green", 2), id="as many as live runs"),
        pytest.param(truth("green", {"green": 5}), {}, ("blue", 5), id="green is live"),
        pytest.param(truth("blue", {"blue": 2}), {"scale": Scale.parse("x1.5")}, ("green", 3), id="relative to live"),
        pytest.param(truth("blue", {"blue": 2, "green": 7}), {}, ("green", 2), id="a candidate's number is not taken"),
        pytest.param(truth("blue", {}), {}, ("green", 3), id="nothing of live runs: the file's number"),
        pytest.param(
            truth("blue", {"blue": 1}, replicas={"blue": 2}), {}, ("green", 2), id="one of live is just being replaced"
        ),
        pytest.param(
            truth("blue", {"blue": 0}, replicas={"blue": 10}),
            {},
            ("green", 10),
            id="a hotfix while none of ten answers",
        ),
        pytest.param(truth(None, {"green": 1}, {"green": "old"}), {}, ("green", 3), id="never live: replaced"),
    ],
)
def test_where_and_how_many(found: Truth, wish: dict[str, Any], expected: tuple[str, int]) -> None:
    plan = planned(found, **wish)
    assert (plan.color, plan.instances, plan.changed, plan.reuse) == (*expected, True, False)


@pytest.mark.parametrize(
    ("found", "record", "wish", "expected"),
    [
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {},
            ("blue", 2, False, True),
            id="live has it: nothing to do",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {"force": True},
            ("green", 2, True, False),
            id="live has it, but forced",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {"scale": Scale.parse("2")},
            ("blue", 2, False, True),
            id="live has it in the wanted number",
        ),
        pytest.param(
            truth("blue", {"blue": 2}, {"blue": "new"}),
            {},
            {"scale": Scale.parse("5")},
            ("green", 5, True, False),
            id="live has it in another number",
        ),
        pytest.param(
            truth("blue", {}, {"blue": "new"}), {}, {}, ("green", 3, True, False), id="live has it, but nothing runs"
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, {"green": "new"}),
            {"candidate": release_of("green")},
            {},
            ("green", 2, False, True),
            id="the candidate is it",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, {"green": "new"}),
            {},
            {},
            ("green", 2, True, True),
            id="a killed run left it: only to be recorded",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 2}, {"green": "new"}),
            {"candidate": release_of("green")},
            {"force": True},
            ("green", 2, True, False),
            id="the candidate is it, but forced",
        ),
        pytest.param(
            truth("blue", {"blue": 2, "green": 1}, {"green": "new"}),
            {"candidate": release_of("green")},
            {},
            ("green", 2, True, False),
            id="the candidate is it in another number",
        ),
    ],
)
def test_a_release_that_is_there_already(
    found: Truth, record: dict[str, Any], wish: dict[str, Any], expected: tuple[str, int, bool, bool]
) -> None:
    plan = planned(found, record=ReleaseRecord("books-ms", "app", **record), **wish)
    assert (plan.color, plan.instances, plan.changed, plan.reuse) == expected
    assert bool(plan.reason) is plan.reuse


def test_a_colour_that_gets_a_share_of_the_users_is_not_redeployed() -> None:
    found = truth("blue", {"blue": 2, "green": 2}, candidate="green", percent=10)
    with pytest.raises(DeliveryError, match="serve both colours"):
        planned(found)


def test_a_colour_that_a_lagging_proxy_serves_is_not_redeployed(world: World) -> None:
    world.colour("blue", 2)
    world.route("blue")
    world.proxies["proxy-2"].services[SERVICE]["live"] = "green"
    world.proxies.publish()
    with pytest.raises(DeliveryError, match="serve both colours"):
        planned(world.release.truth())


def test_a_proxy_that_serves_a_colour_without_a_route_holds_it(world: World) -> None:
    # Consul lost the route: what the proxies serve from their last good files must live on.
    world.colour("green", 2)
    world.route("green")
    world.consul.delete(f"docker-flow/routes/{SERVICE}")
    world.proxies["proxy-1"].services[SERVICE] = {"revision": 4, "error": None, "live": "green", "colors": {}}
    world.proxies.publish()
    with pytest.raises(DeliveryError, match="color 'green' of 'books-ms-app' is served by a proxy"):
        planned(world.release.truth())


def test_out_of_bounds_scale_is_refused_by_the_plan() -> None:
    with pytest.raises(DeliveryError, match="above the maximum of 4"):
        planned(truth("blue", {"blue": 3}), scale=Scale.parse("+2"), max_scale=4)


def test_a_diff_shows_what_counts() -> None:
    assert shown(None) == {}
    assert shown(service("books-ms_app-blue", 1, "s1")) == {
        "service": "books-ms_app-blue",
        "image": "app:1",
        "instances": 1,
        "spec": "s1",
    }
