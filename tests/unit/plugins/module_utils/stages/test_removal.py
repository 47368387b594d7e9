# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a route from the proxies: until every trace is gone, also of one that only they still have."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.removal import give_up, gives_up, remove
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

KEY = f"docker-flow/routes/{SERVICE}"


@pytest.fixture
def deployed(world: World) -> World:
    """Blue is live, and a run holds the lock."""
    world.colour("blue", 2)
    world.route("blue")
    world.start_run()
    return world


def test_removal_waits_until_every_trace_is_gone(deployed: World) -> None:
    _route, index = deployed.release.route.read()
    remove(deployed.release, index, 0.0)
    assert deployed.release.route.read() == (None, 0)
    assert all(not member.services for member in deployed.proxies.members.values())


@pytest.mark.parametrize("deleted", [pytest.param(False, id="first run"), pytest.param(True, id="run again")])
@pytest.mark.parametrize("behaviour", [pytest.param(SILENT, id="silent"), pytest.param(DEAD, id="no heartbeat")])
def test_a_proxy_that_may_keep_a_trace_is_named(deployed: World, deleted: bool, behaviour: str) -> None:
    deployed.proxies["proxy-2"].behaviour = behaviour
    deployed.proxies.publish()
    if deleted:
        deployed.consul.delete(KEY)
    _route, index = deployed.release.route.read()
    with pytest.raises(DeliveryError, match="still have a trace of the route of 'books-ms-app' after 0 s: proxy-2 "):
        remove(deployed.release, index, 0.0)


def kept(world: World) -> None:
    """Consul has lost the route; the proxies have not, and say what it is."""
    for proxy in world.proxies.members.values():
        proxy.services[SERVICE]["route"] = world.route_now().to_document()
    world.consul.keys.pop(KEY)
    world.proxies.publish()


def test_what_only_the_proxies_have_is_written_once_more_so_that_they_see_it_go(deployed: World) -> None:
    kept(deployed)
    found = deployed.release.truth()
    assert gives_up(found)
    give_up(deployed.release, found, 0.0)
    written, deleted = deployed.proxies.routes
    assert written is not None
    assert (written.revision, deleted) == (5, None)
    assert all(not member.services for member in deployed.proxies.members.values())
    assert not gives_up(deployed.release.truth())


def test_a_proxy_that_does_not_give_it_up_is_named(deployed: World) -> None:
    kept(deployed)
    deployed.proxies["proxy-2"].behaviour = SILENT
    with pytest.raises(DeliveryError, match="still have a trace of the route of 'books-ms-app' after 0 s: proxy-2 "):
        give_up(deployed.release, deployed.release.truth(), 0.0)
    assert KEY not in deployed.consul.keys
