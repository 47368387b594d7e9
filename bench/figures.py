# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: what was measured, against what target, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. C(values) are single measurements in C(unit); their median counts unless C(worst).

    C(limit) is the target: the figure must stay below it, or reach it where C(at_least).
    """

    name: str
    unit: str
    values: Sequence[float]
    limit: float | None = None
    at_least: bool = False
    worst: bool = False
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return max(self.values) if self.worst else median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "values": list(self.values),
            "limit": self.limit,
            "met": self.met,
            "note": self.note,
            **self.more,
        }


def table(figures: Sequence[Figure]) -> str:
    rows = [("", "median", "min", "max", "n", "target", "")]
    for figure in figures:
        target = "" if figure.limit is None else f"{'>=' if figure.at_least else '<='} {figure.limit:g}"
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
        numbers = (median(figure.values), min(figure.values), max(figure.values))
        shown = (f"{number:.4g}" for number in numbers)
        rows.append(
            (
                f"{figure.name} [{figure.unit}]",
                *shown,
                str(len(figure.values)),
                target,
                f"{verdict} {figure.note}".strip(),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index in (0, 6) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
