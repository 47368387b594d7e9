# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a run: taken once, kept over the stages, lost for good, given back without a trace."""

from __future__ import annotations

from functools import partial
from threading import Event

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    LockHeldError,
    LockLostError,
    RegistryError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.waiting import wait_until
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.store import Entry
from ansible_collections.dockerflow.delivery.plugins.module_utils.release import lock as release_lock
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.lock import Holder, Renewal, RunLock
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul

KEY = "docker-flow/locks/books-ms-app"
ANN = Holder("ann@laptop", "2026-11-21T12:00:00Z", "deploy", "")
BOB = Holder("bob@ci", "2026-11-21T12:05:00Z", "proxy", "")


@pytest.fixture
def consul() -> FakeConsul:
    return FakeConsul()


def take(consul: FakeConsul, holder: Holder = ANN, wait: float = 0.0, **options: bool) -> RunLock:
    return RunLock.take(consul, KEY, holder, ttl=30, wait=wait, **options)


def stands(consul: FakeConsul) -> Holder | None:
    """What others read in the lock."""
    entry = consul.get(KEY)
    return Holder.from_json(entry.value) if entry is not None else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(ANN.to_json(), ANN, id="there and back"),
        pytest.param('{"owner": "ann"}', Holder("ann", "unknown", "unknown", "unknown"), id="parts are missing"),
        pytest.param("", Holder("unknown", "unknown", "unknown", "unknown"), id="empty"),
        pytest.param("[1]", Holder("unknown", "unknown", "unknown", "unknown"), id="something else"),
    ],
)
def test_holder(text: str, expected: Holder) -> None:
    assert Holder.from_json(text) == expected


def test_a_run_takes_the_lock_and_says_who_it_is(consul: FakeConsul) -> None:
    lock = take(consul)
    assert stands(consul) == Holder("ann@laptop", ANN.since, "deploy", lock.run)
    assert consul.session_exists(lock.run)


def test_the_second_is_told_who_holds_it_and_leaves_nothing(consul: FakeConsul) -> None:
    first = take(consul)
    with pytest.raises(LockHeldError) as raised:
        take(consul, BOB)
    assert str(raised.value) == (
        "another release of this target is in progress: ann@laptop holds the lock since 2026-11-21T12:00:00Z, in stage "
        "'deploy'; wait for it, or set take_over=true if you know that it is dead"
    )
    assert consul.sessions == {first.run}


def test_the_second_waits_renews_and_gets_it(consul: FakeConsul, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_lock, "wait_until", partial(wait_until, sleep=lambda _seconds: None))
    first = take(consul)
    waited: list[float] = []

    def on_wait(elapsed: float) -> None:
        waited.append(elapsed)
        if len(waited) == 2:
            first.give_back()

    second = RunLock.take(consul, KEY, BOB, ttl=30, wait=60, on_wait=on_wait)
    assert len(waited) == 2
    assert stands(consul) == Holder("bob@ci", BOB.since, "proxy", second.run)


def test_a_killed_run_frees_the_lock_by_itself(consul: FakeConsul) -> None:
    consul.expire(take(consul).run)
    assert take(consul, BOB).holder.owner == "bob@ci"


def test_a_failure_while_waiting_leaves_no_session(consul: FakeConsul) -> None:
    first = take(consul)

    def interrupted(_elapsed: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunLock.take(consul, KEY, BOB, ttl=30, wait=60, on_wait=interrupted)
    assert consul.sessions == {first.run}


def test_taking_over_ends_the_run_that_holds_it(consul: FakeConsul) -> None:
    first = take(consul)
    second = take(consul, BOB, take_over=True)
    assert not consul.session_exists(first.run)
    assert stands(consul) == Holder("bob@ci", BOB.since, "proxy", second.run)
    with pytest.raises(LockLostError, match=r"bob@ci holds it since 2026-11-21T12:05:00Z, in stage 'proxy'"):
        first.renew()


def test_taking_over_what_nobody_holds(consul: FakeConsul) -> None:
    assert take(consul, take_over=True).holder.owner == "ann@laptop"


def test_the_next_stage_goes_on_and_keeps_since_when(consul: FakeConsul) -> None:
    first = take(consul)
    later = Holder("ann@laptop", "2026-11-21T12:30:00Z", "proxy", first.run)
    RunLock.resume(consul, KEY, later)
    assert stands(consul) == Holder("ann@laptop", ANN.since, "proxy", first.run)


def test_held_while_the_run_is_in_the_stage(consul: FakeConsul) -> None:
    lock = take(consul)
    assert lock.renew_within_stage()
    RunLock.resume(consul, KEY, Holder("ann@laptop", ANN.since, "proxy", lock.run))
    assert not lock.renew_within_stage(), "the next stage renews for itself"


def test_held_on_while_consul_is_away(consul: FakeConsul) -> None:
    lock = take(consul)
    consul.silent = True
    assert lock.renew_within_stage()


def test_not_held_for_somebody_else(consul: FakeConsul) -> None:
    lock = take(consul)
    take(consul, BOB, take_over=True)
    assert not lock.renew_within_stage()


@pytest.mark.parametrize("somebody", [pytest.param(True, id="somebody else has it"), pytest.param(False, id="nobody")])
def test_a_stage_of_a_lost_run_is_refused(consul: FakeConsul, somebody: bool) -> None:
    first = take(consul)
    consul.expire(first.run)
    if somebody:
        take(consul, BOB)
    with pytest.raises(LockLostError, match=r"^run 'session-1' no longer holds the lock of its target") as raised:
        RunLock.resume(consul, KEY, Holder("ann@laptop", "", "proxy", first.run))
    assert ("bob@ci" in str(raised.value)) is somebody
    assert "nothing more was changed, run the release again" in str(raised.value)


def test_a_session_that_ends_between_renewing_and_taking_is_a_lost_lock(consul: FakeConsul) -> None:
    lock = take(consul)
    consul.renew_session = lambda _session: True  # type: ignore[method-assign]
    consul.expire(lock.run)
    with pytest.raises(LockLostError):
        lock.renew()


def test_other_trouble_of_consul_is_no_lost_lock(consul: FakeConsul) -> None:
    lock = take(consul)
    consul.silent = True
    with pytest.raises(RegistryError, match="no Consul agent answered"):
        lock.renew()


def test_given_back_without_a_trace(consul: FakeConsul) -> None:
    take(consul).give_back()
    assert (consul.keys, consul.sessions) == ({}, set())


def test_giving_back_does_not_take_it_from_the_next_run(consul: FakeConsul) -> None:
    first = take(consul)
    consul.expire(first.run)
    second = take(consul, BOB)
    first.give_back()
    assert stands(consul) == Holder("bob@ci", BOB.since, "proxy", second.run)
    second.renew()


def test_giving_back_does_not_delete_what_the_next_run_takes_just_then(
    consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, get = take(consul), consul.get

    def overtaken(key: str) -> Entry | None:
        found = get(key)
        monkeypatch.setattr(consul, "get", get)
        take(consul, BOB)
        return found

    monkeypatch.setattr(consul, "get", overtaken)
    first.give_back()
    holder = stands(consul)
    assert holder is not None
    assert holder.owner == "bob@ci"


def test_renewing_extends_the_session(consul: FakeConsul) -> None:
    lock = take(consul)
    lock.renew()
    assert consul.renewed == [lock.run]


def test_a_session_is_renewed_in_the_background_until_it_is_gone(
    consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, renew, asked = take(consul), consul.renew_session, Event()

    def third_time_gone(session: str) -> bool:
        if len(consul.renewed) == 2:
            asked.set()
            return False
        return renew(session)

    monkeypatch.setattr(consul, "renew_session", third_time_gone)
    renewal = Renewal(consul, lock.run, ttl=0.03)
    renewal.start()
    assert asked.wait(10)
    renewal.join(10)
    assert not renewal.is_alive()
    assert consul.renewed == [lock.run, lock.run]


def test_a_renewal_ends_when_its_stage_does(consul: FakeConsul) -> None:
    renewal = Renewal(consul, take(consul).run, ttl=3000)
    renewal.start()
    renewal.finish()
    assert not renewal.is_alive()
    assert consul.renewed == []
