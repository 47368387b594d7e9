# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic over requests: what is lost, what is stale, how long nothing was answered."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.load.report import Outcome, Record, Report, percentile


def request(
    start: float, end: float, outcome: Outcome = Outcome.OK, *, version: str = "1", sent: float | None = None
) -> Record:
    return Record("post", start, start if sent is None else sent, end, outcome, 200, version, 1)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([3.0], 50, 3.0, id="one value is every percentile"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 50, 2.0, id="half of four is the second"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 75, 3.0, id="exact rank"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 76, 4.0, id="just above a rank is the next"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 100, 4.0, id="all is the largest"),
        pytest.param([2.0, 1.0], 0, 1.0, id="none is the smallest"),
    ],
)
def test_percentile_is_the_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_percentile_of_nothing_is_not_a_number() -> None:
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_everything_but_ok_is_lost(outcome: Outcome) -> None:
    report = Report([request(0, 1), request(1, 2, outcome)])
    assert [record.outcome for record in report.lost] == [outcome]
    assert (report.total, report.outcomes()) == (2, {"ok": 1, outcome.value: 1})


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], 0, id="no request"),
        pytest.param([request(9.9, 10.5, version="1")], 0, id="began before the moment, answered after it"),
        pytest.param([request(10.0, 10.1, version="1")], 1, id="began at the moment"),
        pytest.param([request(10.1, 10.2, version="2")], 0, id="answered by the new one"),
        pytest.param([request(9.0, 10.3, version="1", sent=10.2)], 1, id="meant earlier but sent after it"),
        pytest.param([request(10.1, 10.2, Outcome.HTTP_5XX, version="1")], 1, id="an error of the old one"),
    ],
)
def test_stale_counts_answers_of_the_old_version_to_requests_begun_after(records: list[Record], expected: int) -> None:
    assert len(Report(records).stale("1", after=10.0)) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], 0.0, id="no request"),
        pytest.param([request(0, 1), request(1, 2), request(2, 5)], 3.0, id="between successes"),
        pytest.param([request(0, 4), request(1, 4.5)], 4.0, id="before the first success"),
        pytest.param([request(0, 1), request(1, 8, Outcome.TIMEOUT)], 7.0, id="after the last success"),
        pytest.param([request(0, 1), request(1, 2, Outcome.EOF), request(2, 3)], 2.0, id="a failure ends no gap"),
        pytest.param([request(0, 5), request(1, 2)], 3.0, id="answers in another order than requests"),
    ],
)
def test_longest_gap_is_the_longest_time_without_a_success(records: list[Record], expected: float) -> None:
    assert Report(records).longest_gap() == expected


def test_latency_counts_from_the_intended_start_and_successes_only() -> None:
    report = Report([request(0, 0.5, sent=0.4), request(1, 9, Outcome.TIMEOUT)])
    assert report.latency(100) == 0.5
    assert report.lag(100) == 0.4


def test_between_takes_requests_by_their_beginning() -> None:
    never_sent = Record("get", 3.0, None, 3.1, Outcome.REFUSED, None, None, 0)
    report = Report([request(1, 9), request(2, 3), never_sent])
    assert [record.intended for record in report.between(2, 3.5).records] == [2, 3.0]


def test_versions_count_answers_only() -> None:
    report = Report([request(0, 1), request(0, 1, version="2"), request(0, 1, Outcome.HTTP_5XX)])
    assert report.versions() == {"1": 1, "2": 1}


def test_summary_gives_the_arrival_rate() -> None:
    assert Report([request(i / 10, i / 10) for i in range(11)]).summary()["rate"] == 10.0


def test_a_file_gives_back_its_records_but_no_half_written_one(tmp_path: Path) -> None:
    records = [request(0, 1), Record("get", 1, None, 2, Outcome.REFUSED, None, None, 0)]
    lines = [record.to_line() + "\n" for record in records]
    path = tmp_path / "records"
    path.write_text("".join(lines) + lines[0][:12])
    assert Report.read(path).records == records


def test_message_of_a_failing_test_names_the_lost_requests() -> None:
    assert "eof status=200 version=2" in str(Report([request(0, 1), request(1, 2, Outcome.EOF, version="2")]))
