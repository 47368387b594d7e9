# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what a release costs, each thing against its bare counterpart in the same run.

    bench/run [flip] [deploy] [registrator] [throughput]     all of them by default

Prints a table with the load average and the targets, and writes everything to .cache/bench/<time>.json.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.dockerflow.delivery.tests.integration.playbook import ROOT
from ansible_collections.dockerflow.delivery.tests.integration.project import World
from ansible_collections.dockerflow.delivery.tests.integration.provisioning import provision

from . import deploys, flips, registrations, throughput
from .figures import Figure, table

MEASUREMENTS: dict[str, Callable[[World, Path], list[Figure]]] = {
    "flip": flips.measure,
    "deploy": deploys.measure,
    "registrator": registrations.measure,
    "throughput": throughput.measure,
}


def main(names: Sequence[str]) -> int:
    """0 when every target was met, 1 when one was missed, 2 for an unknown name."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    world = provision()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="dockerflow-bench-") as folder:
        for name in names or MEASUREMENTS:
            before = os.getloadavg()[0]
            print(f"measuring {name} (load average {before:.2f})", flush=True)
            figures += MEASUREMENTS[name](world, Path(folder))
            print(table(figures), flush=True)
    _write(figures)
    return int(any(figure.met is False for figure in figures))


def _write(figures: list[Figure]) -> None:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = ROOT / ".cache" / "bench" / f"{now}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"time": now, "load_average": os.getloadavg(), "figures": [figure.document() for figure in figures]}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(ROOT)}")
