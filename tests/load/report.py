# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the requests: one ``Record`` each, and the arithmetic over all of them.

All times are seconds of the monotonic clock, which on Linux is one clock for all processes of the machine: a test
compares its own ``time.monotonic()`` with them directly.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """How a request ended. Everything but ``OK`` is a lost request."""

    OK = "ok"  # an answer 1xx-3xx, complete
    HTTP_5XX = "http_5xx"
    OTHER_STATUS = "other_status"  # 4xx: the load asks for nothing that may be refused
    REFUSED = "refused"  # no connection, the port is closed
    RESET = "reset"  # connection reset or broken pipe, while connecting or later
    EOF = "eof"  # closed before the answer was complete
    TIMEOUT = "timeout"  # no complete answer within the deadline; also the deadline of the connect
    GARBLED = "garbled"  # an answer that is not HTTP
    UNREACHABLE = "unreachable"  # any other error of the network


@dataclass(frozen=True, slots=True)
class Record:
    """One request. ``sent`` is when its first byte was handed to the system, None when it never was."""

    kind: str
    intended: float
    sent: float | None
    done: float
    outcome: Outcome
    status: int | None
    version: str | None
    nth: int  # which request of its connection, counted from 1; 0 when there was no connection

    @property
    def began(self) -> float:
        return self.intended if self.sent is None else self.sent

    def to_line(self) -> str:
        return json.dumps(astuple(self), separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> Record:
        kind, intended, sent, done, outcome, status, version, nth = json.loads(line)
        return cls(kind, intended, sent, done, Outcome(outcome), status, version, nth)


class Report:
    """The records of one load, in the order of their intended starts."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = sorted(records, key=lambda record: record.intended)

    @classmethod
    def read(cls, path: Path) -> Report:
        """The report of a result file; a last line that is still being written is left out."""
        return cls(Record.from_line(line) for line in _complete_lines(path))

    @property
    def total(self) -> int:
        return len(self.records)

    @property
    def lost(self) -> list[Record]:
        return [record for record in self.records if record.outcome is not Outcome.OK]

    def outcomes(self) -> Counter[str]:
        return Counter(record.outcome.value for record in self.records)

    def versions(self) -> Counter[str]:
        """How many successful answers each version gave; answers that name none count under ''."""
        return Counter(record.version or "" for record in self.records if record.outcome is Outcome.OK)

    def between(self, start: float, end: float = math.inf) -> Report:
        """The requests that began in [start, end)."""
        return Report(record for record in self.records if start <= record.began < end)

    def answered_by(self, version: str) -> list[Record]:
        return [record for record in self.records if record.version == version]

    def stale(self, version: str, after: float) -> list[Record]:
        """Answers of the old ``version`` to requests that began at or after the moment ``after``.

        A request begins when it is sent, not when it was intended: one that waited in the generator and went out
        after the moment has no excuse either.
        """
        return [record for record in self.answered_by(version) if record.sent is not None and record.sent >= after]

    def longest_gap(self) -> float:
        """Longest time in which no success arrived, from the first intended start to the last end of a request."""
        if not self.records:
            return 0.0
        arrivals = sorted(record.done for record in self.records if record.outcome is Outcome.OK)
        edges = [self.records[0].intended, *arrivals, max(record.done for record in self.records)]
        return max(later - earlier for earlier, later in pairwise(edges))

    def latency(self, percent: float) -> float:
        """Latency (nearest rank) of the successful requests, counted from the intended start; NaN without any."""
        return percentile([r.done - r.intended for r in self.records if r.outcome is Outcome.OK], percent)

    def lag(self, percent: float) -> float:
        """How late the generator itself was: sent minus intended. Large means the load was not what it claims.

        The time to connect is part of it for requests on a new connection.
        """
        return percentile([r.sent - r.intended for r in self.records if r.sent is not None], percent)

    def summary(self) -> dict[str, Any]:
        seconds = self.records[-1].intended - self.records[0].intended if self.total > 1 else 0.0
        return {
            "total": self.total,
            "lost": len(self.lost),
            "rate": round((self.total - 1) / seconds, 1) if seconds > 0 else 0.0,
            "outcomes": dict(self.outcomes()),
            "versions": dict(self.versions()),
            "longest_gap_ms": round(self.longest_gap() * 1000, 1),
            "latency_ms": {f"p{p}": _milliseconds(self.latency(p)) for p in (50, 95, 99, 100)},
            "lag_ms": {f"p{p}": _milliseconds(self.lag(p)) for p in (50, 99, 100)},
        }

    def __str__(self) -> str:
        """The summary and the first lost requests, for the message of a failing test."""
        lines = [json.dumps(self.summary())]
        start = self.records[0].intended if self.records else 0.0
        lines += [
            f"  lost at +{record.intended - start:.3f} s after {record.done - record.intended:.3f} s: {record.kind}"
            f" {record.outcome.value} status={record.status} version={record.version}"
            f" request {record.nth} of its connection"
            for record in self.lost[:10]
        ]
        return "\n".join(lines)


def percentile(values: list[float], percent: float) -> float:
    """Nearest-rank percentile; NaN of nothing."""
    if not values:
        return math.nan
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


def _milliseconds(seconds: float) -> float | None:
    return None if math.isnan(seconds) else round(seconds * 1000, 2)


def _complete_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield line
