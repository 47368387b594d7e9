# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a route from the proxies: until every trace is gone, also of one that only they still have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import ANY

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import Gone, Proxy
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.run import utc_now
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.tombstone import Tombstone
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.removal import (
    LONGEST_REMEMBERED,
    give_up,
    gives_up,
    is_history,
)
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import CONFIRMS, DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

KEY = f"docker-flow/routes/{SERVICE}"


@pytest.fixture
def deployed(world: World) -> World:
    """Blue is live, and a run holds the lock."""
    world.colour("blue", 2)
    world.route("blue")
    world.start_run()
    return world


def removed(world: World, release: Release | None = None) -> None:
    release = release or world.release
    give_up(release, release.truth(), 0.0)


def stones(world: World) -> list[int]:
    """The revisions of the tombstones that stood in Consul, one after the other."""
    return [one.revision for one in world.proxies.routes if isinstance(one, Tombstone)]


def test_removal_waits_until_every_trace_is_gone_and_leaves_none(deployed: World) -> None:
    removed(deployed)
    assert stones(deployed) == [5]
    assert deployed.release.route.read() == (None, 0)
    assert all(not member.services for member in deployed.proxies.members.values())
    assert not gives_up(deployed.release.truth())


@pytest.mark.parametrize("behaviour", [pytest.param(SILENT, id="silent"), pytest.param(DEAD, id="no heartbeat")])
def test_a_proxy_that_may_keep_a_trace_is_named_whenever_it_is_run(deployed: World, behaviour: str) -> None:
    deployed.proxies["proxy-2"].behaviour = behaviour
    deployed.proxies.publish()
    for _run in range(2):
        with pytest.raises(DeliveryError, match="a trace of the route of 'books-ms-app' after 0 s: proxy-2 "):
            removed(deployed)
        assert deployed.release.route.stored().tombstone is not None
        assert deployed.release.truth().live is None
    assert stones(deployed) == [5]
    deployed.proxies["proxy-2"].behaviour = CONFIRMS
    deployed.proxies.settle(SERVICE)
    removed(deployed)
    assert KEY not in deployed.consul.keys


def test_a_proxy_that_is_excluded_finds_out_when_it_is_back(deployed: World) -> None:
    deployed.proxies["proxy-2"].behaviour = DEAD
    deployed.proxies.publish()
    removed(deployed, deployed.start_run(deployed.new_release(frozenset({"proxy-2"})), take_over=True))
    assert deployed.consul.keys[KEY].json()["removed"] is True
    another = deployed.release
    another.run.taken = None
    deployed.consul.reap_tombstones()  # an index that goes back says nothing
    deployed.proxies["proxy-2"].behaviour = CONFIRMS
    deployed.proxies.settle(SERVICE)
    assert SERVICE not in deployed.proxies["proxy-2"].services
    assert deployed.consul.keys[KEY].json()["removed"] is True  # until somebody removes something


def test_tombstones_of_others_go_once_every_proxy_has_seen_them(deployed: World) -> None:
    for service in ("seen", "unseen", "held", "alive"):
        key = f"docker-flow/routes/{service}"
        stone = Tombstone(service, 3, 0, utc_now())
        text = Route(service, 3, ("/x",), Split("blue")).to_json() if service == "alive" else stone.to_json()
        deployed.consul.put(key, text)
    deployed.consul.seed("docker-flow/routes/damaged", "{")
    deployed.proxies["proxy-2"].removed.pop("unseen")
    deployed.proxies.publish()
    deployed.consul.seed("docker-flow/locks/held", "{}", session=deployed.consul.create_session("x", 10, 0))
    removed(deployed)
    left = sorted(key.rpartition("/")[2] for key in deployed.consul.keys if "/routes/" in key)
    assert left == ["alive", "damaged", "held", "unseen"]


def test_the_next_release_is_newer_than_the_removal(deployed: World) -> None:
    deployed.proxies["proxy-2"].behaviour = SILENT
    with pytest.raises(DeliveryError):
        removed(deployed)
    found = deployed.release.truth()
    assert (found.route, found.newest_revision, found.route_index > 0) == (None, 5, True)


@pytest.mark.parametrize(
    ("seen", "age", "expected"),
    [
        pytest.param([5, 6], timedelta(), True, id="all have seen it"),
        pytest.param([5, 4], timedelta(), False, id="one has seen an older one"),
        pytest.param([5, None], timedelta(), False, id="one has not"),
        pytest.param([5, None], LONGEST_REMEMBERED + timedelta(hours=1), True, id="long ago"),
        pytest.param([], timedelta(), True, id="no proxy at all"),
    ],
)
def test_what_is_history(seen: list[int | None], age: timedelta, expected: bool) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    fleet = {
        str(number): Proxy(
            str(number), "", True, 1, (), {}, True, {SERVICE: Gone(revision)} if revision is not None else {}
        )
        for number, revision in enumerate(seen)
    }
    assert is_history(Tombstone(SERVICE, 5, 0, (now - age).isoformat()), fleet, now.isoformat()) is expected


def test_a_moment_that_cannot_be_read_is_not_long_ago() -> None:
    fleet = {"a": Proxy("a", "", True, 1, (), {})}
    assert not is_history(Tombstone(SERVICE, 5), fleet, utc_now())


def kept(world: World) -> None:
    """Consul has lost the route; the proxies have not, and say what it is."""
    world.consul.delete(KEY)
    assert world.proxies["proxy-1"].services[SERVICE]["lost"]
    world.proxies.routes.clear()


def test_what_only_the_proxies_have_is_removed_too(deployed: World) -> None:
    deployed.route("blue", epoch=2)
    kept(deployed)
    found = deployed.release.truth()
    assert gives_up(found)
    give_up(deployed.release, found, 0.0)
    assert deployed.proxies.routes == [Tombstone(SERVICE, 5, 2, ANY), None]
    assert KEY not in deployed.consul.keys
    assert all(not member.services for member in deployed.proxies.members.values())
    assert not gives_up(deployed.release.truth())


def test_a_proxy_that_does_not_give_it_up_is_named(deployed: World) -> None:
    kept(deployed)
    deployed.proxies["proxy-2"].behaviour = SILENT
    with pytest.raises(DeliveryError, match="still have a trace of the route of 'books-ms-app' after 0 s: proxy-2 "):
        removed(deployed)


def test_an_old_removal_of_a_restored_backup_is_none(deployed: World) -> None:
    """The proxies have something newer, and take no older version."""
    deployed.consul.seed(KEY, Tombstone(SERVICE, 2, 0, utc_now()).to_json())
    found = deployed.release.truth()
    assert gives_up(found)
    removed(deployed)
    assert stones(deployed) == [5]
