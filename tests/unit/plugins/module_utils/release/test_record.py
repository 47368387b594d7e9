# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release record: each transition as a table, and its JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import (
    HISTORY,
    ColorRelease,
    JournalEntry,
    ReleaseRecord,
    Run,
)

NOW, LATER = "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"


def release(color: str, spec: str, instances: int = 2) -> ColorRelease:
    return ColorRelease(color, spec, f"app@{spec}", instances, NOW, "ann@laptop")


BLUE, GREEN = release("blue", "v1"), release("green", "v2")
NEW_BLUE = release("blue", "v3")
EMPTY = ReleaseRecord("books-ms", "app")


def record(**changes: Any) -> ReleaseRecord:
    return ReleaseRecord("books-ms", "app", **changes)


def colors(found: ReleaseRecord) -> tuple[ColorRelease | None, ColorRelease | None, ColorRelease | None]:
    """Live, candidate, previous."""
    return found.live, found.candidate, found.previous


@pytest.mark.parametrize(
    ("before", "deployed", "expected"),
    [
        pytest.param(EMPTY, BLUE, (None, BLUE, None), id="first release"),
        pytest.param(record(live=BLUE), GREEN, (BLUE, GREEN, None), id="beside live"),
        pytest.param(record(live=GREEN, previous=BLUE), NEW_BLUE, (GREEN, NEW_BLUE, None), id="over the previous one"),
        pytest.param(record(live=GREEN, candidate=BLUE), NEW_BLUE, (GREEN, NEW_BLUE, None), id="over a candidate"),
        pytest.param(
            record(live=BLUE, previous=GREEN), NEW_BLUE, (BLUE, NEW_BLUE, GREEN), id="the other previous stays"
        ),
    ],
)
def test_deployed(before: ReleaseRecord, deployed: ColorRelease, expected: tuple[Any, ...]) -> None:
    assert colors(before.deployed(deployed)) == expected


@pytest.mark.parametrize(
    ("before", "color", "expected"),
    [
        pytest.param(record(candidate=BLUE), "blue", (BLUE, None, None), id="first release"),
        pytest.param(record(live=BLUE, candidate=GREEN), "green", (GREEN, None, BLUE), id="a candidate"),
        pytest.param(record(live=GREEN, previous=BLUE), "blue", (BLUE, None, GREEN), id="a rollback"),
        pytest.param(
            record(live=BLUE, candidate=NEW_BLUE),
            "blue",
            (NEW_BLUE, None, None),
            id="over a colour that was live unrecorded",
        ),
    ],
)
def test_made_live(before: ReleaseRecord, color: str, expected: tuple[Any, ...]) -> None:
    after = before.made_live(color, LATER)
    assert colors(after) == expected
    assert after.live_since == LATER
    assert after.history[0]["spec"] == expected[0].spec
    assert after.history[0]["live_since"] == LATER


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(record(live=BLUE, live_since=NOW), id="as it is"),
        pytest.param(record(live=BLUE, candidate=GREEN, live_since=NOW), id="a candidate waits"),
    ],
)
def test_what_is_live_already_changes_nothing(before: ReleaseRecord) -> None:
    assert before.made_live("blue", LATER) is before


def test_a_colour_that_was_never_recorded_can_be_live() -> None:
    after = EMPTY.made_live("green", LATER)
    assert after.live == ColorRelease("green", "", "", 0, LATER, "")


def test_history_is_bounded_and_newest_first() -> None:
    found = EMPTY
    for number in range(HISTORY + 5):
        color = "blue" if number % 2 else "green"
        found = found.deployed(release(color, f"v{number}")).made_live(color, NOW)
    assert [one["spec"] for one in found.history] == [f"v{number}" for number in range(HISTORY + 4, 4, -1)]


@pytest.mark.parametrize(
    ("before", "color", "expected"),
    [
        pytest.param(record(live=BLUE, candidate=GREEN), "green", (BLUE, None, None), id="a candidate"),
        pytest.param(record(live=BLUE, previous=GREEN), "green", (BLUE, None, None), id="the previous release"),
        pytest.param(record(live=BLUE, candidate=GREEN), "blue", (BLUE, GREEN, None), id="live is never forgotten"),
        pytest.param(record(live=BLUE), "green", (BLUE, None, None), id="nothing known"),
    ],
)
def test_overwritten(before: ReleaseRecord, color: str, expected: tuple[Any, ...]) -> None:
    assert colors(before.overwritten(color)) == expected


def test_without_candidate() -> None:
    assert colors(record(live=BLUE, candidate=GREEN).without_candidate()) == (BLUE, None, None)


def test_instances_follow_the_colour() -> None:
    scaled = record(live=BLUE, candidate=GREEN, previous=None).with_instances("green", 7)
    assert (scaled.live, scaled.candidate) == (BLUE, release("green", "v2", 7))
    assert record(live=BLUE).with_instances("green", 7) == record(live=BLUE)


# -- the journal -------------------------------------------------------------------------------------------------------


def test_a_run_keeps_its_journal_over_its_stages() -> None:
    found = EMPTY.entered("r1", "ann", "deploy", NOW).left("deploy", "done", NOW).entered("r1", "ann", "proxy", LATER)
    assert found.run == Run(
        "r1",
        "ann",
        NOW,
        (
            JournalEntry("deploy", "started", NOW),
            JournalEntry("deploy", "done", NOW),
            JournalEntry("proxy", "started", LATER),
        ),
    )


def test_another_run_starts_another_journal() -> None:
    found = EMPTY.entered("r1", "ann", "deploy", NOW).entered("r2", "bob", "deploy", LATER)
    assert found.run == Run("r2", "bob", LATER, (JournalEntry("deploy", "started", LATER),))


def test_leaving_without_a_run_changes_nothing() -> None:
    assert EMPTY.left("deploy", "done", NOW) == EMPTY


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(EMPTY, None, id="no run"),
        pytest.param(EMPTY.entered("r1", "ann", "rollback", NOW, "blue"), "blue", id="killed in it"),
        pytest.param(EMPTY.entered("r1", "ann", "rollback", NOW), None, id="without a goal"),
        pytest.param(EMPTY.entered("r1", "ann", "scale", NOW, "blue"), None, id="killed in another stage"),
        pytest.param(EMPTY.entered("r1", "a", "rollback", NOW, "blue").left("rollback", "done", NOW), None, id="done"),
        pytest.param(
            EMPTY.entered("r1", "a", "rollback", NOW, "blue").left("rollback", "failed", NOW), None, id="failed"
        ),
        pytest.param(
            EMPTY.entered("r1", "a", "rollback", NOW, "blue").entered("r2", "b", "deploy", LATER),
            None,
            id="others went on",
        ),
    ],
)
def test_what_a_killed_run_was_about_to_do(found: ReleaseRecord, expected: str | None) -> None:
    assert found.unfinished("rollback") == expected


# -- JSON --------------------------------------------------------------------------------------------------------------


FULL = (
    record(live=BLUE, candidate=GREEN, live_since=NOW)
    .entered("r1", "ann", "proxy", NOW, "green")
    .made_live("green", LATER)
    .left("proxy", "done", LATER)
)


@pytest.mark.parametrize("found", [pytest.param(EMPTY, id="empty"), pytest.param(FULL, id="full")])
def test_there_and_back(found: ReleaseRecord) -> None:
    assert ReleaseRecord.from_document(json.loads(json.dumps(found.to_document()))) == found


def test_a_journal_from_before_goals_can_be_read() -> None:
    document = json.loads(json.dumps(FULL.to_document()))
    for entry in document["run"]["journal"]:
        del entry["goal"]
    assert ReleaseRecord.from_document(document).run is not None


def test_another_schema_is_refused() -> None:
    with pytest.raises(
        DeliveryError, match=r"^release record of 'books-ms-app' has schema 2, this version reads 1: update"
    ):
        ReleaseRecord.from_document({**FULL.to_document(), "schema": 2})


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"live": {"color": "blue"}}, id="a release without its parts"),
        pytest.param({"live": "blue"}, id="a release that is a word"),
        pytest.param({"run": {"id": "r1"}}, id="a run without its parts"),
        pytest.param({"run": {"id": "r", "owner": "a", "since": "", "journal": [{"what": 1}]}}, id="an unknown entry"),
        pytest.param({"history": 7}, id="a history that is a number"),
    ],
)
def test_a_damaged_record_says_what_to_do(damage: dict[str, Any]) -> None:
    with pytest.raises(
        DeliveryError, match=r"'books-ms-app' in Consul is damaged .* delete the key, the next release rebuilds"
    ):
        ReleaseRecord.from_document({**FULL.to_document(), **damage})
