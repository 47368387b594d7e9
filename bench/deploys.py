# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole releases against a bare C(docker stack deploy) of the same service, in turn."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

from .figures import Figure

ROUNDS = 5
STACK = """
version: "3.8"
services:
  app:
    image: dockerflow/books-ms:{version}
    ports:
      - {{target: 8080, mode: host}}
    stop_grace_period: 10s
    deploy:
      endpoint_mode: dnsrr
      replicas: 2
"""


def measure(world: World, folder: Path) -> list[Figure]:
    books = Project(world, "bench-deploy", folder, lean=True)
    books.remove()
    bare, ours, live, no_op = [], [], [], []
    try:
        books.release("1", scale="2")
        for number in range(ROUNDS):
            version = "21"[number % 2]
            bare.append(deploy_bare(world, folder, version))
            whole = books.release(version)
            ours.append(whole.ended - whole.started)
            live.append(whole.of("proxy_reconfigure").at - whole.started)
            again = books.release(version)
            if again.changed:
                raise RuntimeError(f"the same release again changed something: {again}")
            no_op.append(again.ended - again.started)
    finally:
        books.remove()
        world.swarm.remove("bench-bare")
    # Stopping the old release is not part of a bare deploy, and Swarm alone takes some seconds for it.
    overhead = [mine - theirs for mine, theirs in zip(live, bare, strict=True)]
    return [
        Figure("deploy: bare docker stack deploy", "s", bare, note="until two instances are healthy"),
        Figure("deploy: deploy.yml", "s", ours, note="deploy, proxy, drain, stop-old"),
        Figure("deploy: deploy.yml until users have it", "s", live),
        Figure("deploy: overhead until users have it", "s", overhead, limit=5),
        Figure("deploy: ratio to bare", "x", [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]),
        Figure("deploy: no-op", "s", no_op, limit=3, note="the release that is live, again"),
    ]


def deploy_bare(world: World, folder: Path, version: str) -> float:
    """Seconds from the command to two healthy instances of a service that was not there before."""
    world.swarm.remove("bench-bare")
    file = folder / "bare.yml"
    file.write_text(STACK.format(version=version), encoding="utf-8")
    started = time.monotonic()
    subprocess.run(
        ["docker", "stack", "deploy", "--resolve-image", "never", "--compose-file", str(file), "bench-bare"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    eventually(lambda: world.swarm.running_tasks("bench-bare", "app") == 2, "two instances are healthy", timeout=60)
    return time.monotonic() - started
