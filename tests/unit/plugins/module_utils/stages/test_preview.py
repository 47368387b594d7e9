# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview: which token opens what, as a table."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import (
    ColorRoute,
    Preview,
    Route,
    RouteOptions,
    Split,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.preview import plan_preview
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, release_of

TOKEN = "0123456789abcdef"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()
ROUTE = Route(SERVICE, 4, ("/api/v1/books",), Split("blue"), instances={"blue": 2})
OPEN = replace(ROUTE, instances={"blue": 2, "green": 3}, preview=Preview("green", DIGEST))
NOTHING = ReleaseRecord("books-ms", "app")
CANDIDATE = replace(NOTHING, candidate=release_of("green"))


def truth(route: Route | None, **running: int) -> Truth:
    return Truth(route, 7, {}, {}, running, SERVICE)


def test_the_token_opens_the_candidate_and_users_stay() -> None:
    plan = plan_preview(truth(ROUTE, blue=2, green=3), CANDIDATE, TOKEN)
    assert plan.after == replace(OPEN, revision=5)
    assert plan.after.split == ROUTE.split
    assert (plan.color, plan.required, plan.changed) == ("green", 3, True)


def test_the_candidate_is_followed_by_its_own_release_not_by_what_its_colour_was_before() -> None:
    before = replace(
        ROUTE,
        releases={
            "blue": ColorRoute(ROUTE.paths, spec="s2"),
            "green": ColorRoute(("/old",), options=RouteOptions(check_path="/old"), spec="s1"),
        },
    )
    after = plan_preview(truth(before, blue=2, green=3), CANDIDATE, TOKEN).after
    assert after.releases == {"blue": before.releases["blue"]}
    assert (after.own("green").spec, after.own("green").options.check_path) == ("", None)


@pytest.mark.parametrize(
    ("before", "changed"),
    [
        pytest.param(OPEN, False, id="the same token again"),
        pytest.param(replace(OPEN, preview=Preview("green", "0" * 64)), True, id="another token"),
        pytest.param(replace(OPEN, preview=Preview("blue", DIGEST)), True, id="that of another colour"),
        pytest.param(replace(OPEN, instances={"blue": 2, "green": 1}), True, id="scaled meanwhile"),
    ],
)
def test_a_second_time(before: Route, changed: bool) -> None:
    assert plan_preview(truth(before, blue=2, green=3), CANDIDATE, TOKEN).changed is changed


@pytest.mark.parametrize(
    ("found", "record", "words"),
    [
        pytest.param(truth(None, blue=2), CANDIDATE, "has no route yet", id="first release"),
        pytest.param(truth(ROUTE, blue=2), NOTHING, "no healthy candidate", id="no candidate"),
        pytest.param(truth(ROUTE, blue=2), CANDIDATE, "no healthy candidate", id="the candidate does not run"),
        pytest.param(
            truth(replace(ROUTE, split=Split("green")), green=2), CANDIDATE, "no healthy candidate", id="it is live"
        ),
    ],
)
def test_what_cannot_be_previewed(found: Truth, record: ReleaseRecord, words: str) -> None:
    with pytest.raises(DeliveryError, match=words):
        plan_preview(found, record, TOKEN)
