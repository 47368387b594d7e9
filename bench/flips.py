# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flips: both colours run, users are sent back and forth under load."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.modules import proxy_reconfigure
from ansible_collections.dockerflow.delivery.tests.integration.modules import call
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World

from .figures import Figure

FLIPS = 30
RATE = 400


def measure(world: World, folder: Path) -> list[Figure]:
    books = Project(world, "bench-flip", folder, lean=True)
    books.remove()
    try:
        books.release("1", flow="deploy,proxy")
        books.release("2", flow="deploy")
        calls: list[float] = []
        confirmed: list[float] = []
        moments: list[tuple[str, float, float]] = []
        with books.load(rate=RATE) as load:
            for number in range(FLIPS):
                color = ("green", "blue")[number % 2]
                started = time.monotonic()
                result = flip(books.name, color)
                moments.append(("21"[number % 2], started, time.monotonic()))
                calls.append((time.monotonic() - started) * 1000)
                confirmed += [proxy["confirmed_ms"] for proxy in result["proxies"].values()]
    finally:
        books.remove()
    report = load.report
    stale = sum(
        len(report.between(end, next_start).stale("12"[version == "1"], end))
        for version, end, next_start in quiet(moments, report)
    )
    mixed = [mixed_ms(report, version, started, ended) for version, started, ended in moments]
    return [
        Figure("flip: old and new answers mixed", "ms", mixed, limit=5, note="from the first new to the last old"),
        Figure("flip: written to confirmed", "ms", confirmed, note="through Consul, read back from HAProxy"),
        Figure("flip: proxy_reconfigure", "ms", calls, note="the module, prepare and confirm, without Ansible's start"),
        Figure("flip: requests lost", "requests", [len(report.lost)], limit=0, note=f"of {report.total} at {RATE}/s"),
        Figure("flip: stale after return", "requests", [stale], limit=0),
        Figure("flip: latency p99", "ms", [report.latency(99) * 1000], note="from the intended start"),
    ]


def flip(project: str, color: str) -> dict[str, Any]:
    result = call(proxy_reconfigure, {"project": project, "target": "app", "color": color})
    if result.get("failed"):
        raise RuntimeError(result["msg"])
    return result


def quiet(moments: list[tuple[str, float, float]], report: Any) -> list[tuple[str, float, float]]:
    """The times between two flips: the version that is live in each, its begin and end."""
    starts = [started for _unused, started, _unused in moments[1:]] + [report.records[-1].began]
    return [(version, ended, start) for (version, _unused, ended), start in zip(moments, starts, strict=True)]


def mixed_ms(report: Any, new: str, started: float, ended: float) -> float:
    """How long both versions answered: between the beginnings of the first new and the last old request."""
    during = report.between(started, ended)
    first_new = [record.began for record in during.records if record.version == new]
    last_old = [record.began for record in during.records if record.version not in (new, None)]
    return max(0.0, (max(last_old) - min(first_new)) * 1000) if first_new and last_old else 0.0
