# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Taking a route from the proxies, also one that only they still have.

In its place stands a tombstone until every proxy has seen it, also one that was off meanwhile and comes back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..core.errors import DeliveryError
from ..evidence.confirmation import wait_until_gone
from ..ports.fleet import Snapshot, acknowledgements
from ..release.keys import Keys
from ..release.release import Release
from ..release.run import utc_now
from ..release.truth import Truth
from ..routes.tombstone import Tombstone, is_tombstone

# A proxy that was off for longer keeps what it had, says that it is lost, and status names what takes it away.
LONGEST_REMEMBERED = timedelta(days=30)


def gives_up(truth: Truth) -> bool:
    """Whether a tombstone is to be written: there is a route, or a proxy has one that no tombstone is newer than."""
    if truth.route is not None:
        return True
    said = acknowledgements(truth.service, truth.fleet)
    newest = max((one.revision for one in said), default=-1)
    return bool(said) and (truth.tombstone is None or truth.tombstone.revision <= newest)


def give_up(release: Release, truth: Truth, timeout: float) -> dict[str, Any]:
    """Take the route from every proxy that counts, and tidy up."""
    take_off(release, truth, timeout)
    forget(release)
    forget_others(release)
    return {}


def take_off(release: Release, truth: Truth, timeout: float) -> None:
    """Write the tombstone where it is missing, and wait until no counting proxy has a trace of the route."""
    stone = truth.tombstone
    if gives_up(truth):
        stone = Tombstone(release.service, truth.newest_revision + 1, truth.epoch, utc_now())
        release.route.remove(stone, truth.route_index)
    if stone is not None:
        confirm_gone(release, stone, timeout)


def confirm_gone(release: Release, stone: Tombstone, timeout: float) -> None:
    """Wait until every counting proxy has confirmed the removal; DeliveryError names those that did not."""
    remaining = wait_until_gone(release, stone.revision, timeout)
    if remaining:
        raise DeliveryError(
            f"proxies that still have a trace of the route of '{release.service}' after {timeout:g} s: "
            f"{', '.join(remaining)} (repair it, or exclude it with exclude_proxies)"
        )


def forget(release: Release) -> None:
    """Delete the tombstone, if there is one and nobody needs it any more."""
    stored = release.route.stored()
    if stored.tombstone is not None and is_history(stored.tombstone, release.fleet.everyone(), utc_now()):
        release.route.delete(stored.index)


def forget_others(release: Release) -> None:
    """Delete those tombstones of other services that nobody needs any more, so that there are never many.

    Without their locks: one whose lock is held is passed over, and the key is only deleted as it was read.
    """
    everyone, now = release.fleet.everyone(), utc_now()
    for key, entry in release.store.entries(release.keys.routes).items():
        service = key.removeprefix(release.keys.routes)
        if service == release.service:
            continue
        try:
            document = entry.json()
            stone = Tombstone.from_document(document) if is_tombstone(document) else None
        except DeliveryError:
            continue  # its owner's problem
        if stone is None or stone.service != service or not is_history(stone, everyone, now):
            continue
        lock = release.store.get(Keys(release.prefix, service).lock)
        if lock is None or lock.session is None:
            release.store.delete(key, cas=entry.modify_index)


def is_history(stone: Tombstone, everyone: Snapshot, now: str) -> bool:
    """Whether every proxy, also one that is excluded or off, has confirmed a removal and ended the last request that
    came by the route, which nobody could count any more; or whether it is long ago."""
    seen = (proxy.removed.get(stone.service) for proxy in everyone.values())
    if all(gone is not None and gone.revision >= stone.revision and not gone.open for gone in seen):
        return True
    try:
        return datetime.fromisoformat(now) - datetime.fromisoformat(stone.time) > LONGEST_REMEMBERED
    except (ValueError, TypeError):
        return False
