# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage proxy: a flip that fails anywhere leaves users on the old release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
    LockLostError,
    OutOfDateError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import Start
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.preview import open_preview, plan_preview
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.proxy import (
    RouteWish,
    apply,
    plan,
    record_live,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.refusals import refuse_dead
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import DEAD, SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World, release_of

BOOKS = ("/api/v1/books",)
KEY = f"docker-flow/routes/{SERVICE}"
CANDIDATE = ReleaseRecord("books-ms", "app", candidate=release_of("green"))


def route(live: str = "blue", **changes: Any) -> Route:
    """Revision 4, blue with two instances."""
    return replace(Route(SERVICE, 4, BOOKS, Split(live), instances={live: 2}), **changes)


@pytest.fixture
def deployed(world: World) -> World:
    """Blue is live, green a candidate with three instances, a run holds the lock."""
    world.colour("blue", 2, "old")
    world.route("blue")
    world.colour("green", 3, "new")
    world.record(live=release_of("blue", "old"), candidate=release_of("green", "new", 3))
    world.start_run()
    return world


def flip(
    world: World, release: Release | None = None, timeout: float = 0.0, start: Start | None = None
) -> dict[str, Any]:
    """Plan and apply as the module does."""
    release = release or world.release
    found = release.truth()
    return apply(release, plan(RouteWish(paths=BOOKS), found, release.record.read()), found, timeout, start=start)


def begin_late(world: World, color: str) -> None:
    """Instances of a colour, on no proxy up yet: nothing listens there until somebody has looked a few times."""
    looks: list[int] = []
    for proxy in world.proxies.members.values():
        proxy.up[color] = 0
        proxy.failing = [{"place": "172.17.0.1:32768", "kind": "refused", "got": "connection refused"}]

    def listens() -> None:
        looks.append(1)
        if len(looks) == 4:
            for proxy in world.proxies.members.values():
                del proxy.up[color]
            world.proxies.settle(SERVICE)

    world.consul.after_watch.append(listens)


def test_a_flip(deployed: World) -> None:
    result = flip(deployed)
    assert [(one.revision, one.split.live, dict(one.instances)) for one in deployed.proxies.routes if one] == [
        (5, "blue", {"blue": 2, "green": 3}),
        (6, "green", {"blue": 2, "green": 3}),
    ]
    assert result["revision"] == 6
    assert sorted(result["proxies"]) == ["proxy-1", "proxy-2"]
    assert all(times["prepared_ms"] >= 0 <= times["confirmed_ms"] for times in result["proxies"].values())
    record_live(deployed.release, "green")
    record = deployed.recorded_now()
    assert record.live == release_of("green", "new", 3)
    assert (record.previous, record.candidate) == (release_of("blue", "old"), None)


def test_the_first_route(world: World) -> None:
    world.colour("blue", 1)
    world.start_run()
    assert flip(world)["revision"] == 1
    assert world.route_now().split == Split("blue")


def test_a_candidate_that_listens_late_is_waited_for_before_anybody_flips(deployed: World) -> None:
    begin_late(deployed, "green")
    assert flip(deployed, start=Start(60))["revision"] == 6


def test_what_ended_since_it_was_deployed_says_why(deployed: World) -> None:
    deployed.engine.logs = ["no license"]
    refuse_dead(deployed.release, deployed.release.truth(), "green")
    for _each in range(3):
        deployed.engine.stop_task("books-ms_app-green")
    with pytest.raises(DeliveryError, match=r"'books-ms_app-green' does not run any more: .*lines: no license"):
        refuse_dead(deployed.release, deployed.release.truth(), "green")


def test_so_is_the_first_release(world: World) -> None:
    world.colour("blue", 1)
    world.start_run()
    begin_late(world, "blue")
    assert flip(world, start=Start(60))["revision"] == 1


def test_a_preview_waits_for_it_too(deployed: World) -> None:
    begin_late(deployed, "green")
    found = deployed.release.truth()
    decided = plan_preview(found, deployed.release.record.read(), "0123456789abcdef")
    assert sorted(open_preview(deployed.release, decided, found, 0.0, Start(60))["proxies"]) == ["proxy-1", "proxy-2"]


@pytest.mark.parametrize("late", [pytest.param(False, id="at once"), pytest.param(True, id="reported late")])
@pytest.mark.parametrize("when", [pytest.param(5, id="while preparing"), pytest.param(6, id="at the flip")])
def test_one_proxy_that_refuses_puts_all_back(deployed: World, when: int, late: bool) -> None:
    proxy = deployed.proxies["proxy-2"]
    take = proxy.take

    def refuse(service: str, written: Route | None) -> None:
        proxy.behaviour = "disk full" if written is not None and written.revision == when else "confirms"
        take(service, written)

    proxy.take = refuse  # type: ignore[method-assign]
    deployed.proxies.late = late
    with pytest.raises(DeliveryError, match=f"^proxy 'proxy-2' refuses revision {when} .*: disk full$") as raised:
        flip(deployed, timeout=5.0)
    assert raised.value.result == {"undone": True, "mixed": False}
    assert [one.split.live for one in deployed.proxies.routes if one][-1] == "blue"
    assert deployed.route_now().same_but_revision(route())
    assert deployed.route_now().revision == when + 1
    assert all(member.services[SERVICE]["live"] == "blue" for member in deployed.proxies.members.values())


def test_a_proxy_that_can_take_nothing_any_more_is_not_mixed_while_its_users_stayed(deployed: World) -> None:
    proxy = deployed.proxies["proxy-2"]
    take = proxy.take

    def fills(service: str, written: Route | None) -> None:
        if written is not None and written.revision >= 6:
            proxy.behaviour = "disk full"
        take(service, written)

    proxy.take = fills  # type: ignore[method-assign]
    with pytest.raises(DeliveryError, match=r"^proxy 'proxy-2' refuses revision 6 .*: disk full$") as raised:
        flip(deployed, timeout=5.0)
    assert raised.value.result == {"undone": True, "mixed": False}
    assert all(member.services[SERVICE]["live"] == "blue" for member in deployed.proxies.members.values())


def test_an_old_refusal_does_not_stop_a_new_attempt(deployed: World) -> None:
    # The disk was full an hour ago; the proxy says so until it is asked again.
    deployed.proxies["proxy-2"].services[SERVICE]["error"] = "disk full"
    deployed.proxies.publish()
    deployed.proxies.late = True
    assert flip(deployed, timeout=5.0)["revision"] == 6


@pytest.mark.parametrize(
    ("behaviour", "up", "said"),
    [
        pytest.param(SILENT, {}, "proxy-2 is at revision 4", id="silent"),
        pytest.param(DEAD, {}, "proxy-2 has no heartbeat", id="no heartbeat"),
        pytest.param("confirms", {"green": 2}, "proxy-2 has 2 of 3 instances of green up", id="an instance is down"),
    ],
)
def test_a_proxy_that_cannot_flip_is_named(deployed: World, behaviour: str, up: dict[str, int], said: str) -> None:
    proxy = deployed.proxies["proxy-2"]
    proxy.behaviour, proxy.up = behaviour, up
    deployed.proxies.publish()
    with pytest.raises(DeliveryError, match="did not confirm revision 5") as raised:
        flip(deployed)
    assert said in str(raised.value)
    assert "exclude_proxies" in str(raised.value)
    assert deployed.route_now().split.live == "blue"


def test_what_does_not_prove_itself_after_the_flip_goes_back(deployed: World) -> None:
    proven: list[str] = []

    def prove(route: Route) -> None:
        proven.append(deployed.route_now().split.live)
        raise DeliveryError(f"no page of {route.split.live}")

    found = deployed.release.truth()
    decided = plan(RouteWish(paths=BOOKS), found, deployed.release.record.read())
    with pytest.raises(DeliveryError, match="no page of green") as raised:
        apply(deployed.release, decided, found, 0.0, prove)
    assert proven == ["green"]
    assert (deployed.route_now().split.live, raised.value.result["mixed"]) == ("blue", False)


def test_what_cannot_be_put_back_is_called_mixed(deployed: World) -> None:
    deployed.proxies["proxy-2"].behaviour = SILENT
    with pytest.raises(DeliveryError, match="the state is mixed, run the stage proxy again") as raised:
        flip(deployed)
    assert raised.value.result["mixed"] is True
    assert "proxy-2 is at revision 4" in raised.value.result["undo_error"]


def test_a_first_route_that_fails_leaves_no_trace(world: World) -> None:
    world.colour("blue", 1)
    world.proxies["proxy-1"].behaviour = "port 80 taken"
    world.start_run()
    with pytest.raises(DeliveryError, match="refuses revision 1"):
        flip(world)
    assert world.release.route.read() == (None, 0)
    assert SERVICE not in world.proxies["proxy-2"].services


@pytest.mark.parametrize(
    "gone", [pytest.param(False, id="excluded by name"), pytest.param(True, id="its port refuses connections")]
)
def test_a_dead_proxy_that_cannot_serve_does_not_block(deployed: World, gone: bool) -> None:
    deployed.proxies["proxy-2"].behaviour = DEAD
    deployed.proxies.publish()
    release = deployed.new_release(frozenset() if gone else frozenset({"proxy-2"}))
    release.run.taken = deployed.release.run.taken
    if gone:
        deployed.refusing.add("http://192.0.2.2:80")
    assert list(flip(deployed, release)["proxies"]) == ["proxy-1"]


def test_no_proxy_at_all_is_said_before_anything_is_written(deployed: World) -> None:
    for key in [key for key in deployed.consul.keys if "/members/" in key]:
        deployed.consul.delete(key)
    deployed.consul.written.clear()
    with pytest.raises(DeliveryError, match=r"no proxy is a member of the fleet .* provision one with role proxy"):
        flip(deployed)
    assert deployed.consul.written == []


def test_only_dead_proxies(deployed: World) -> None:
    for number, proxy in enumerate(deployed.proxies.members.values(), 1):
        proxy.behaviour = DEAD
        deployed.refusing.add(f"http://192.0.2.{number}:80")
    deployed.proxies.publish()
    with pytest.raises(DeliveryError, match="no proxy is alive to take the route"):
        flip(deployed)


def test_a_route_that_moved_since_the_plan_is_left_alone(deployed: World) -> None:
    found = deployed.release.truth()
    decided = plan(RouteWish(), found, deployed.release.record.read())
    theirs = route(revision=5, paths=("/theirs",), instances={"blue": 2})
    deployed.consul.seed(KEY, theirs.to_json())
    with pytest.raises(OutOfDateError, match="was changed by somebody else meanwhile"):
        apply(deployed.release, decided, found, 0.0)
    assert deployed.route_now() == theirs


def test_somebody_elses_route_is_not_overwritten_by_the_way_back(deployed: World) -> None:
    theirs = route(revision=9, paths=("/theirs",))
    deployed.proxies["proxy-1"].up = {"green": 0}
    deployed.consul.after_watch.append(lambda: deployed.consul.seed(KEY, theirs.to_json()))
    with pytest.raises(DeliveryError, match="0 of 3 instances of green up"):
        flip(deployed)
    assert deployed.route_now() == theirs


@pytest.mark.parametrize("write", [pytest.param(1, id="before preparing"), pytest.param(2, id="before the flip")])
def test_a_run_that_slept_past_its_lock_writes_nothing_more(deployed: World, write: int) -> None:
    writes: list[str] = []

    def sleep(key: str) -> None:
        if key == KEY:
            writes.append(key)
            if len(writes) == write:
                deployed.consul.expire(deployed.release.run.id)

    deployed.consul.before_write.append(sleep)
    # The session ends while the request is on its way: Consul checks it in the same transaction.
    put_if_held = deployed.consul.put_if_held

    def checked_last(key: str, value: str, cas: int, lock: str, session: str) -> bool:
        for hook in deployed.consul.before_write:
            hook(key)
        hooks, deployed.consul.before_write = deployed.consul.before_write, []
        try:
            return put_if_held(key, value, cas, lock, session)
        finally:
            deployed.consul.before_write = hooks

    deployed.consul.put_if_held = checked_last  # type: ignore[method-assign]
    with pytest.raises(DeliveryError, match="no longer holds the lock of its target"):
        flip(deployed)
    assert len(deployed.proxies.routes) == write - 1
    assert deployed.route_now().split.live == "blue"


def test_an_unexpected_failure_puts_users_back_too(deployed: World) -> None:
    def full(line: str) -> None:
        if line.startswith("0 s:"):
            deployed.release.run.progress = lambda _line: None
            raise OSError(28, "No space left on device")

    deployed.release.run.progress = full
    deployed.proxies.late = True
    with pytest.raises(OSError, match="No space left"):
        flip(deployed, timeout=5.0)
    assert deployed.route_now().same_but_revision(route())


def test_a_lost_consul_is_said_and_does_not_hide_the_reason(deployed: World) -> None:
    deployed.proxies["proxy-2"].behaviour = "disk full"
    original = deployed.release.route.read
    deployed.release.route.read = lambda: _silence(deployed, original)  # type: ignore[method-assign]
    found = Release.truth(deployed.release)
    deployed.consul.silent = False
    with pytest.raises(
        DeliveryError, match=r"refuses revision 5 .*disk full; and not every proxy could be put back .*no Consul"
    ):
        apply(deployed.release, plan(RouteWish(), found, CANDIDATE), found, 0.0)


def _silence(world: World, original: Any) -> Any:
    found = original()
    if world.proxies.routes:
        world.consul.silent = True
        return original()
    return found


def test_a_taken_path_is_refused_before_anything_is_written(deployed: World) -> None:
    deployed.consul.seed("docker-flow/routes/shop-app", Route("shop-app", 1, BOOKS, Split("blue")).to_json())
    with pytest.raises(DeliveryError, match="is already routed to 'shop-app'"):
        flip(deployed)
    assert deployed.proxies.routes == []


def test_a_lost_lock_is_its_own_error(deployed: World) -> None:
    deployed.consul.expire(deployed.release.run.id)
    with pytest.raises(LockLostError):
        flip(deployed)
