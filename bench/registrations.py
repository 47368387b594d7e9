# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registrator's memory and idle time with a hundred containers."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.tests.integration.project import World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

from .figures import Figure

CONTAINERS = 100
SAMPLES, SECONDS = 4, 10  # idle time is measured that often, over so many seconds
SERVICE = "bench-registered"


def measure(world: World, _folder: Path) -> list[Figure]:
    process = world.swarm.process_of(world.registrator)
    started: list[Any] = []
    try:
        started.extend(run_one(world, number) for number in range(CONTAINERS))
        eventually(lambda: len(world.consul.instances(SERVICE)) == CONTAINERS, "all are registered", timeout=60)
        idle = []
        for _unused in range(SAMPLES):
            before, since = processor_seconds(process), time.monotonic()
            time.sleep(SECONDS)
            idle.append((processor_seconds(process) - before) / (time.monotonic() - since) * 100)
        memory = resident_mb(process)
        begun = time.monotonic()
        for container in started:
            container.kill()
        eventually(lambda: not world.consul.instances(SERVICE), "none is registered", timeout=60)
        cleared = time.monotonic() - begun
    finally:
        for container in started:
            container.remove(force=True)
    return [
        Figure(f"registrator: memory at {CONTAINERS} containers", "MB", [memory], limit=40),
        Figure(f"registrator: idle CPU at {CONTAINERS} containers", "%", idle, limit=1),
        Figure(f"registrator: {CONTAINERS} killed one by one until none is listed", "s", [cleared]),
    ]


def run_one(world: World, number: int) -> Any:
    return world.swarm.client.containers.run(
        "dockerflow/debian:trixie",
        ["sleep", "infinity"],
        name=f"{SERVICE}-{number}",
        environment={"SERVICE_NAME": SERVICE},
        ports={"9/tcp": None},
        detach=True,
        init=True,
    )


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
