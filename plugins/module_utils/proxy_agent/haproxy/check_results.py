# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What HAProxy's check of a server got, and how people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..driver import Check

_UNFINISHED = "* "
_LONGEST = 80
_TEXTS: Mapping[str, Check] = {
    "L4TOUT": Check("unreachable", "no connection in time"),
    "L6TOUT": Check("timeout", "no answer in time"),
    "L7TOUT": Check("timeout", "no answer in time"),
    "SOCKERR": Check("closed", "connection closed without an answer"),
    "L7RSP": Check("invalid", "no HTTP answer"),
    "UNK": Check("unchecked", "not checked yet"),
    "INI": Check("unchecked", "not checked yet"),
    "L7OK": Check("unchecked", "its first checks passed"),
    "L7OKC": Check("unchecked", "its first checks passed"),
}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One row of C(show stat). C(unfinished): the next check is on its way, and only C(status) is left of the last."""

    status: str
    code: str = ""
    detail: str = ""
    unfinished: bool = False

    @classmethod
    def of(cls, row: Mapping[str, str]) -> CheckResult:
        """From a row by the names of its columns."""
        status = row.get("check_status", "")
        return cls(
            status.removeprefix(_UNFINISHED),
            row.get("check_code", ""),
            row.get("last_chk", ""),
            status.startswith(_UNFINISHED),
        )

    def after(self, known: CheckResult | None) -> CheckResult:
        """What is told of it: while the next check is on its way, still what the last one got."""
        return known if self.unfinished and known is not None and known.status == self.status else self

    def check(self) -> Check:
        """For whoever knows nothing of HAProxy."""
        if self.status == "L7STS":
            return Check("status", f"status {self.code}" if self.code.strip("0") else "a status that is an error")
        if self.status == "L4CON":
            detail = self.detail.lower() or "no connection"
            return Check("refused" if detail.startswith("connection refused") else "unreachable", detail[:_LONGEST])
        other = " ".join(f"{self.status} {self.detail}".split())[:_LONGEST]
        return _TEXTS.get(self.status) or Check("other" if other else "unchecked", other or "not checked yet")
