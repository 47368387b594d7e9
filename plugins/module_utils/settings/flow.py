# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stages of a flow, and which orders of them do no harm."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import DeliveryError
from ..core.names import nearest

STAGES = ("deploy", "test", "proxy", "verify", "stop-old", "scale", "rollback", "adopt")
DEFAULT_FLOW = ("deploy", "test", "proxy", "verify", "stop-old")

_RELEASE = DEFAULT_FLOW
# What goes wrong when the first stage of a pair comes before the second, in the same flow.
_HARM = {
    ("proxy", "deploy"): "users would go to whatever candidate was there before",
    ("proxy", "test"): "users would go to a release that is not tested yet",
    ("verify", "proxy"): "the proxies cannot answer with the new release yet",
    ("stop-old", "proxy"): "the release that users are on is not the old one yet",
    ("stop-old", "deploy"): "it would stop the candidate that deploy starts from",
    ("stop-old", "test"): "it would stop the candidate that is to be tested",
    ("stop-old", "verify"): "nothing would be left to go back to",
    ("test", "deploy"): "there is no new candidate to test yet",
    ("verify", "deploy"): "there is no new release to verify yet",
    ("verify", "test"): "what users have already is too late to test",
    ("stop-old", "rollback"): "nothing would be left to go back to",
}


def check_flow(stages: Sequence[str], option: str = "flow") -> None:
    """Raise DeliveryError for an empty flow, an unknown or repeated stage, and an order that would harm."""
    if not stages:
        raise DeliveryError(f"{option} is empty: name at least one of {', '.join(STAGES)}")
    for stage in stages:
        if stage not in STAGES:
            raise DeliveryError(
                f"{option} names stage '{stage}', which does not exist{nearest(stage.lower(), STAGES)}: "
                f"stages are {', '.join(STAGES)}"
            )
    for position, stage in enumerate(stages):
        if stage in stages[:position]:
            raise DeliveryError(f"{option} names stage '{stage}' twice: name it once")
        for earlier in stages[:position]:
            if (earlier, stage) in _HARM:
                raise DeliveryError(
                    f"{option} '{','.join(stages)}' has '{earlier}' before '{stage}', but {_HARM[earlier, stage]}: "
                    f"write '{stage}' first"
                )
    both = {"rollback"} & set(stages) and [stage for stage in ("deploy", "test", "proxy", "verify") if stage in stages]
    if both:
        raise DeliveryError(
            f"{option} has 'rollback' together with '{both[0]}', which undo each other: run them one after the other"
        )
    if "adopt" in stages and len(stages) > 1:
        raise DeliveryError(
            f"{option} has 'adopt' together with other stages, but what it finds is for people to judge: run it alone"
        )
