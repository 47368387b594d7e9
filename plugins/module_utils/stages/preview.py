# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The preview: requests with a token reach the candidate through the proxies, all others stay where they are."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from ..core.errors import DeliveryError
from ..evidence.confirmation import Start, confirm
from ..release.record import ReleaseRecord
from ..release.release import Release
from ..release.truth import Truth
from ..routes.route import Preview
from .proxy import Plan, apply

STAGE = "test"


def plan_preview(truth: Truth, record: ReleaseRecord, token: str) -> Plan:
    """What to write so that the token opens the candidate; raises DeliveryError where there is none, or no route."""
    before, candidate = truth.route, record.candidate
    if before is None:
        raise DeliveryError(
            f"'{truth.service}' has no route yet, so the proxies lead nowhere: test its instances at their addresses"
        )
    count = truth.running.get(candidate.color, 0) if candidate is not None else 0
    if candidate is None or count == 0 or candidate.color == before.split.live:
        raise DeliveryError(f"'{truth.service}' has no healthy candidate to preview: run the stage deploy first")
    # What the colour's earlier release asked for is not the candidate's, nor are that one's instances.
    # Until stage proxy says what the candidate asks for, it is treated as what is live.
    others = {color: own for color, own in before.releases.items() if color != candidate.color}
    after = replace(
        before,
        revision=truth.newest_revision + 1,
        instances={**before.instances, candidate.color: count},
        releases=others,
        preview=Preview(candidate.color, hashlib.sha256(token.encode()).hexdigest()),
        draining=(),
    )
    return Plan(before, None, after, candidate.color, count)


def open_preview(
    release: Release, plan: Plan, truth: Truth, timeout: float, start: Start | None = None
) -> dict[str, Any]:
    """Write the preview and wait for every proxy; returns C(proxies), who confirmed when."""
    return {"proxies": apply(release, plan, truth, timeout, start=start)["proxies"]}


def confirm_preview(release: Release, plan: Plan, timeout: float, start: Start | None = None) -> dict[str, Any]:
    """The preview stands: make sure that every proxy has it, with all instances of the candidate up."""
    confirm(release, plan.before or plan.after, timeout, plan.color, plan.required, start=start)
    return {}
