# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Reading what HAProxy answers."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field

from ..driver import ServerState
from .check_results import CheckResult

_OPERATIONAL_RUNNING = 2
_MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20
_DRAIN = 0x08 | 0x10
_CHECK_ENABLED = 0x04
_CHECK_PASSED = 3


@dataclass(frozen=True, slots=True)
class Traffic:
    """Open requests: per backend, per (backend, server). The servers that are up per backend, the checks of others."""

    backends: dict[str, int] = field(default_factory=dict)
    servers: dict[tuple[str, str], int] = field(default_factory=dict)
    up: dict[str, set[str]] = field(default_factory=dict)
    checks: dict[tuple[str, str], CheckResult] = field(default_factory=dict)


def info(answer: str) -> dict[str, str]:
    """C(show info) as a dictionary."""
    pairs = (line.partition(":") for line in answer.splitlines())
    return {name.strip(): value.strip() for name, _colon, value in pairs}


def backends(answer: str) -> set[str]:
    """C(show backend)."""
    return {line for line in answer.splitlines() if line and not line.startswith("#")}


def servers(answer: str) -> dict[str, dict[str, ServerState]]:
    """C(show servers state), by backend and server name."""
    lines = answer.splitlines()
    header = next((line for line in lines if line.startswith("# be_id")), "")
    names = header.lstrip("# ").split()
    found: dict[str, dict[str, ServerState]] = {}
    for line in lines:
        values = line.split()
        if line.startswith("#") or len(values) < len(names) or not names:
            continue
        row = dict(zip(names, values, strict=False))
        administrative, check = int(row["srv_admin_state"]), int(row["srv_check_state"])
        running = int(row["srv_op_state"]) == _OPERATIONAL_RUNNING
        checked = bool(check & _CHECK_ENABLED)
        found.setdefault(row["be_name"], {})[row["srv_name"]] = ServerState(
            name=row["srv_name"],
            place=f"{row['srv_addr']}:{row['srv_port']}",
            running=running,
            maintenance=bool(administrative & _MAINTENANCE),
            drained=bool(administrative & _DRAIN),
            checked=checked,
            proven=checked and running and int(row["srv_check_result"]) == _CHECK_PASSED,
        )
    return found


def traffic(answer: str) -> Traffic:
    """C(show stat -1 6 -1): backends and servers."""
    lines = answer.lstrip("# ").splitlines()
    result = Traffic()
    for row in csv.DictReader(line for line in lines if line):
        name, server = row["pxname"], row["svname"]
        open_requests = int(row["scur"] or 0)
        if server == "BACKEND":
            result.backends[name] = open_requests
            continue
        result.servers[name, server] = open_requests + int(row["qcur"] or 0)
        if row["status"].startswith("UP"):
            result.up.setdefault(name, set()).add(server)
        elif row["status"].startswith("DOWN"):
            result.checks[name, server] = CheckResult.of(row)
    return result


def map_entries(answer: str) -> list[tuple[str, str]]:
    """C(show map <file>): every line is an address, a key and a value."""
    rows = (line.split(" ", 2) for line in answer.splitlines() if line)
    return [(row[1], row[2]) for row in rows if len(row) == 3]


def first_alert(answer: str) -> str:
    """The line of HAProxy's output that says what is wrong, without its prefix."""
    for line in answer.splitlines():
        if "[ALERT]" in line:
            return line.partition(" : ")[2].strip() or line
    return " ".join(answer.split()) or "no reason given"
