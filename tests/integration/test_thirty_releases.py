# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: thirty releases in a row, under load all the time, lose no request and mix no answers.

Time budget: 300 s.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.playbook import PlaybookResult
from ansible_collections.dockerflow.delivery.tests.integration.project import Project

pytestmark = pytest.mark.alone  # its load is a measurement
RELEASES = 30
RATE = 300  # requests per second


def test_thirty_releases_lose_nothing_and_leave_nothing_stale(new_project: Callable[..., Project]) -> None:
    books = new_project("thirty", lean=True)
    books.release("1")
    releases: list[tuple[str, PlaybookResult]] = []
    with books.load(rate=RATE) as load:
        for number in range(RELEASES):
            version = "12"[(number + 1) % 2]
            releases.append((version, books.release(version)))
    report = load.report

    assert not report.lost, str(report)
    for version, result in releases:
        deployed, moment = result.of("blue_green_deploy").at, flipped(result)
        sent = report.between(deployed, moment).total
        assert sent > RATE * (moment - deployed) / 2, (
            f"too little load at the flip to {version} to prove anything: {sent}"
        )
    moments = [(version, flipped(result)) for version, result in releases]
    for (version, moment), (_unused, next_flip) in pairwise([*moments, ("", report.records[-1].began)]):
        old = "12"[version == "1"]
        # Until the next flip can begin; it begins no sooner than the next run.
        next_run = next((r.started for _unused, r in releases if r.started > moment), next_flip)
        stale = report.between(moment, next_run).stale(old, after=moment)
        assert not stale, f"{len(stale)} answers of {old} after the stage proxy of {version} had returned"
        assert report.between(moment, next_run).versions().keys() == {version}
    assert sorted(books.counts().values()) == [0, 1], "one colour runs, the other is stopped and kept"


def flipped(result: PlaybookResult) -> float:
    """When the stage proxy had returned."""
    return result.of("proxy_reconfigure").at
