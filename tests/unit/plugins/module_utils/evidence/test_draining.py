# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A colour goes out of use: its requests end first, every proxy lets go of it, and what cannot be known is refused."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.draining import (
    refuse_unknown,
    wait_until_drained,
    withdraw,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Preview, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World


@pytest.fixture
def flipped(world: World) -> World:
    """Green is live, blue still runs, and a run holds the lock."""
    world.colour("blue", 2)
    world.colour("green", 2)
    world.route("green", split=Split("green", "blue", 0))
    world.start_run()
    return world


def test_open_requests_are_waited_for(flipped: World) -> None:
    proxy = flipped.proxies["proxy-2"]
    proxy.open["blue"] = 3
    flipped.proxies.settle(SERVICE)
    looks: list[int] = []

    def ends() -> None:
        looks.append(1)
        if len(looks) == 3:
            proxy.open["blue"] = 0
            flipped.proxies.settle(SERVICE)

    flipped.consul.after_watch.append(ends)
    assert wait_until_drained(flipped.release, "blue", 60.0) == {}
    assert len(looks) == 4
    assert any("open requests of colour blue: proxy-2: 3" in line for line in flipped.progress)


def test_what_stays_open_is_told(flipped: World) -> None:
    flipped.proxies["proxy-2"].open["blue"] = 3
    flipped.proxies.settle(SERVICE)
    assert wait_until_drained(flipped.release, "blue", 0.0) == {"proxy-2": 3}


def test_what_a_dead_proxy_has_open_nobody_knows(flipped: World) -> None:
    flipped.proxies["proxy-2"].behaviour = DEAD
    flipped.proxies.publish()
    assert wait_until_drained(flipped.release, "blue", 0.0) == {"proxy-2": -1}
    with pytest.raises(DeliveryError, match="proxy-2 without a heartbeat may still serve colour blue"):
        refuse_unknown("blue", {"proxy-1": 2, "proxy-2": -1})
    refuse_unknown("blue", {"proxy-1": 2})


def test_withdrawing_takes_the_colour_and_its_preview_out_of_the_route(flipped: World) -> None:
    flipped.route("green", split=Split("green", "blue", 0), preview=Preview("blue", "0" * 64))
    withdraw(flipped.release, "blue", 0.0)
    route = flipped.route_now()
    assert (dict(route.instances), route.split, route.preview) == ({"green": 2}, Split("green"), None)


def test_an_error_from_before_the_disk_had_room_again_does_not_stop_it(flipped: World) -> None:
    flipped.proxies["proxy-1"].services[SERVICE].update(error="disk full", written=4, revision=3)
    flipped.proxies.publish()
    flipped.proxies.late = True  # what is reported when the route is written is still the old error
    withdraw(flipped.release, "blue", 5.0)
    assert flipped.proxies["proxy-1"].services[SERVICE]["error"] is None


def test_withdrawing_twice_writes_once(flipped: World) -> None:
    withdraw(flipped.release, "blue", 0.0)
    flipped.consul.written.clear()
    withdraw(flipped.release, "blue", 0.0)
    assert flipped.consul.written == []


def test_what_became_live_is_not_withdrawn(flipped: World) -> None:
    with pytest.raises(DeliveryError, match="color 'green' of 'books-ms-app' became live meanwhile"):
        withdraw(flipped.release, "green", 0.0)


def test_without_a_route_nothing_is_to_be_withdrawn(world: World) -> None:
    world.start_run()
    withdraw(world.release, "blue", 0.0)
    assert world.proxies.routes == []


def test_a_proxy_that_does_not_let_go_is_named(flipped: World) -> None:
    flipped.proxies["proxy-1"].behaviour = SILENT
    with pytest.raises(DeliveryError, match="within 0 s: proxy-1 is at revision 4"):
        withdraw(flipped.release, "blue", 0.0)
