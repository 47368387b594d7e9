# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The lock of a run: one session that expires by itself, handed from stage to stage and renewed in each."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..core.errors import DeliveryError, LockHeldError, LockLostError, RegistryError
from ..core.waiting import wait_until
from ..ports.store import Store

# Time for the last request of a dying holder to arrive before the next one starts, in seconds.
LOCK_DELAY = 1


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: C(since) is ISO 8601 in UTC."""

    owner: str
    since: str
    stage: str
    run: str

    @classmethod
    def from_json(cls, text: str) -> Holder:
        """Parse what stands in the lock key; what is missing becomes 'unknown'."""
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            document = {}
        return cls(*(str(document.get(name, "unknown")) for name in ("owner", "since", "stage", "run")))

    def to_json(self) -> str:
        """What stands in the lock key."""
        return json.dumps({"owner": self.owner, "since": self.since, "stage": self.stage, "run": self.run})


class Renewal(threading.Thread):
    """Renews a session in the background, so that one slow call to Docker does not cost the run its lock.

    A process that is frozen renews nothing, so its lock expires all the same.
    """

    def __init__(self, store: Store, session: str, ttl: float) -> None:
        super().__init__(daemon=True)
        self._store = store.clone()
        self._session = session
        self._interval = ttl / 3
        self._over = threading.Event()

    def run(self) -> None:
        """Until it is over, or the session is gone; the stage itself notices that at its next write."""
        while not self._over.wait(self._interval):
            try:
                if not self._store.renew_session(self._session):
                    return
            except DeliveryError:
                continue  # Consul is away for a moment

    def finish(self) -> None:
        """Stop renewing."""
        self._over.set()
        self.join(timeout=5)


class RunLock:
    """A held lock. C(run) is the session and the run's id."""

    def __init__(self, store: Store, key: str, holder: Holder) -> None:
        self._store = store
        self.key = key
        self.holder = holder

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.holder.run

    @classmethod
    def take(
        cls,
        store: Store,
        key: str,
        holder: Holder,
        *,
        ttl: int,
        wait: float,
        take_over: bool = False,
        on_wait: Callable[[float], None] | None = None,
    ) -> RunLock:
        """Start a run: make a session of C(ttl) seconds and take the lock, waiting C(wait) seconds for its holder.

        C(holder.run) is ignored, the new session becomes the run. With C(take_over) the present holder's session is
        ended first: its further writes are refused. Raises LockHeldError with who holds it, since when, in which stage.
        """
        session = store.create_session(f"docker-flow {key}", ttl, LOCK_DELAY)
        mine = Holder(holder.owner, holder.since, holder.stage, session)
        try:
            if take_over:
                entry = store.get(key)
                if entry is not None and entry.session is not None:
                    store.destroy_session(entry.session)

            def renew_and_report(elapsed: float) -> None:
                store.renew_session(session)
                if on_wait is not None:
                    on_wait(elapsed)

            if wait_until(
                lambda: store.acquire(key, mine.to_json(), session),
                wait if not take_over else max(wait, LOCK_DELAY * 5),
                max_interval=1.0,
                on_wait=renew_and_report,
            ):
                return cls(store, key, mine)
            entry = store.get(key)
        except BaseException:
            store.destroy_session(session)
            raise
        store.destroy_session(session)
        held = Holder.from_json(entry.value) if entry is not None else Holder("unknown", "unknown", "unknown", "")
        raise LockHeldError(
            f"another release of this target is in progress: {held.owner} holds the lock since {held.since}, in stage "
            f"'{held.stage}'; wait for it, or set take_over=true if you know that it is dead"
        )

    @classmethod
    def resume(cls, store: Store, key: str, holder: Holder) -> RunLock:
        """Go on with a run (C(holder.run)) in its next stage, which keeps the run's C(since).

        Raises LockLostError when it is not ours any more.
        """
        entry = store.get(key)
        if entry is not None and entry.session == holder.run:
            holder = replace(holder, since=Holder.from_json(entry.value).since)
        lock = cls(store, key, holder)
        lock.renew()
        return lock

    def renew(self) -> None:
        """Extend the session and check that it still holds the lock."""
        try:
            held = self._store.renew_session(self.run) and self._store.acquire(
                self.key, self.holder.to_json(), self.run
            )
        except RegistryError as error:
            if "invalid session" not in str(error).lower():
                raise
            held = False
        if not held:
            raise self.lost()

    def renew_within_stage(self) -> bool:
        """Extend the session as long as the run is in this stage; False when it moved on or ended.

        That Consul is away for a moment ends nothing.
        """
        try:
            entry = self._store.get(self.key)
            if entry is None or entry.session != self.run or Holder.from_json(entry.value).stage != self.holder.stage:
                return False
            return self._store.renew_session(self.run)
        except RegistryError:
            return True

    def lost(self) -> LockLostError:
        """The error to raise when a write was refused because the lock is gone; says who has it now."""
        entry = self._store.get(self.key)
        now = ""
        if entry is not None and entry.session is not None and entry.session != self.run:
            holder = Holder.from_json(entry.value)
            now = f"; {holder.owner} holds it since {holder.since}, in stage '{holder.stage}'"
        return LockLostError(
            f"run '{self.run}' no longer holds the lock of its target{now}: nothing more was changed, run the release "
            f"again"
        )

    def give_back(self) -> None:
        """End the run: the next one may start at once, and no trace of the lock is left."""
        with contextlib.suppress(RegistryError):  # the session may have expired, and its lock with it
            self._store.release(self.key, self.holder.to_json(), self.run)
        entry = self._store.get(self.key)
        if entry is not None and entry.session is None:
            self._store.delete(self.key, cas=entry.modify_index)  # not if the next run has taken it already
        self._store.destroy_session(self.run)
