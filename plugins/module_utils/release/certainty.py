# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What is live is never guessed: where store, proxies and engine do not know of one another, nothing is touched.

A wrong prefix, a foreign or a wiped store look like a target that was never released, while users are on it.
"""

from __future__ import annotations

from ..core.errors import DeliveryError
from ..ports.fleet import acknowledgements
from .record import ReleaseRecord
from .release import Release
from .truth import Truth


def refuse_to_guess(release: Release, truth: Truth, record: ReleaseRecord) -> None:
    """Raise DeliveryError where something of the target runs or is served that the store does not know of.

    The sentence says what was found and names the ways out.
    """
    found = unknown(truth, record)
    if found is None:
        return
    raise DeliveryError(
        f"{found}, so what users get cannot be known and nothing was touched: correct consul_prefix "
        f"('{release.prefix}') or consul_addresses, restore Consul from a newer backup, rebuild what it lost with "
        f"playbooks/adopt.yml -e target={release.target} -e live=<colour>, or, if nobody needs it any more, take it "
        f"away with playbooks/remove.yml -e project={release.project} -e target={release.target}"
    )


def unknown(truth: Truth, record: ReleaseRecord) -> str | None:
    """What runs or is served without the store knowing of it, in words; None when all is known."""
    running = sorted(color for color, count in truth.running.items() if count > 0)
    if truth.route is None:
        name, live = next(iter(truth.serving.items()), (None, None))
        if name is not None:
            known = "has no route of it" if truth.tombstone is None else "says that its route was removed"
            return f"proxy '{name}' sends users of '{truth.service}' to {live}, but Consul {known}"
        if running and record.is_empty:
            return (
                f"colour {' and '.join(running)} of '{truth.service}' runs, but Consul has neither its route nor its "
                f"release record"
            )
    newer = newer_live(truth)
    if newer not in (None, truth.live):
        return (
            f"every proxy sends users of '{truth.service}' to {newer} by a newer revision than Consul's, which says "
            f"{truth.live}"
        )
    was_live = truth.live or (record.live.color if record.live is not None else None)
    if was_live in running and not truth.fleet:
        return (
            f"colour {was_live} of '{truth.service}' runs and was live, but no proxy counts: Consul knows of none, or "
            f"exclude_proxies names them all"
        )
    return None


def newer_live(truth: Truth) -> str | None:
    """The colour that all proxies agree on by revisions newer than the store's, which went back; None else."""
    said = acknowledgements(truth.service, truth.fleet)
    if truth.route is None or any(answer.revision <= truth.route.revision for answer in said):
        return None
    colors = {answer.live for answer in said}
    return colors.pop() if len(colors) == 1 else None
