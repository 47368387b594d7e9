# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our HAProxy configuration against a hand-written one, in the same HAProxy and in front of the same backend."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

from .figures import Figure

ROUNDS, SECONDS = 4, 6
PORT = 18180
# The backend: HAProxy itself, which answers without one, and so is never what limits.
ANSWERER = """
global
    maxconn 4000
defaults
    mode http
    timeout client 30s
    timeout http-keep-alive 60s
frontend answer
    bind :8080
    http-request return status 200 content-type text/plain string ok hdr X-Version 1
"""
BY_HAND = """
global
    maxconn 10000
defaults
    mode http
    balance roundrobin
    timeout client 60s
    timeout connect 2s
    timeout server 30s
    timeout http-keep-alive 60s
frontend public
    bind 127.0.0.1:{port}
    use_backend app if {{ path_beg /version }}
backend app
    option httpchk GET /version
{servers}
"""


def measure(world: World, folder: Path) -> list[Figure]:
    if shutil.which("wrk") is None:
        print("throughput: skipped, wrk is missing (apt-get install wrk)")
        return []
    project = Project(world, "bench-throughput", folder, lean=True)
    project.remove()
    image = world.swarm.image_of(world.haproxy.container)
    (project.folder / "answerer.cfg").write_text(ANSWERER, encoding="utf-8")
    document = project.compose()
    document["services"]["app"] = {
        "image": image,
        "entrypoint": ["haproxy", "-f", "/answerer.cfg"],
        "ports": ["8080"],
        "configs": [{"source": "answerer", "target": "/answerer.cfg"}],
    }
    document["configs"] = {"answerer": {"file": "./answerer.cfg"}}
    project.write_compose(document)
    by_hand = None
    try:
        project.release("1", flow="deploy,proxy")
        (registration,) = world.consul.instances(f"{project.service}-{project.live}")
        server = f"    server one {registration.address}:{registration.port} check inter 1s"
        config = folder / "by-hand.cfg"
        config.write_text(BY_HAND.format(port=PORT, servers=server), encoding="utf-8")
        by_hand = world.swarm.client.containers.run(
            image,
            entrypoint=["haproxy", "-W", "-f", "/by-hand.cfg"],
            command=[],
            name="bench-by-hand",
            network_mode="host",
            volumes={str(config): {"bind": "/by-hand.cfg", "mode": "ro"}},
            user="0",
            detach=True,
        )
        eventually(lambda: wrk(f"http://127.0.0.1:{PORT}/version", project.domain, 1)[1] == 0, "it answers")
        ours, plain, errors, latency = [], [], 0, []
        for _unused in range(ROUNDS):
            rate, failed, p99 = wrk(f"{world.front}/version", project.domain, SECONDS)
            ours.append(rate)
            latency.append(p99)
            errors += failed
            rate, failed, _unused = wrk(f"http://127.0.0.1:{PORT}/version", project.domain, SECONDS)
            plain.append(rate)
            errors += failed
            time.sleep(0.5)  # the box cools down a moment; nothing waits for this
    finally:
        if by_hand is not None:
            by_hand.remove(force=True)
        project.remove()
    ratio = [mine / theirs * 100 for mine, theirs in zip(ours, plain, strict=True)]
    return [
        Figure("throughput: our configuration", "req/s", ours, note="wrk -t2 -c64"),
        Figure("throughput: hand-written", "req/s", plain),
        Figure("throughput: ours of hand-written", "%", ratio, limit=95, at_least=True),
        Figure("throughput: latency p99 of ours", "ms", latency),
        Figure("throughput: errors", "requests", [errors], limit=0),
    ]


def wrk(url: str, host: str, seconds: int) -> tuple[float, int, float]:
    """Requests per second, failed requests, and the 99th percentile of latency in milliseconds."""
    done = subprocess.run(
        ["wrk", "-t2", "-c64", f"-d{seconds}s", "--latency", "-H", f"Host: {host}", url],
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    )
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    status = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    failed = sum(map(int, socket.groups())) if socket else 0
    failed += int(status.group(1)) if status else 0
    return rate, failed, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
