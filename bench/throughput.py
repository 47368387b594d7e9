# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our HAProxy configuration against a hand-written one, in the same HAProxy and in front of the same backend."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually

from .figures import Figure
from .registrations import processor_seconds

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
    maxconn 4000
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


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk: requests per second, failed requests, p99 in milliseconds, the proxy's CPU time per request."""

    rate: float
    errors: int
    p99: float
    processor_us: float


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
        eventually(answers, "the hand-written proxy answers")
        rounds = [
            (
                load(world, world.haproxy.container, f"{world.front}/version", project.domain),
                load(world, by_hand.id, f"http://127.0.0.1:{PORT}/version", project.domain),
            )
            for _unused in range(ROUNDS)
        ]
    finally:
        if by_hand is not None:
            by_hand.remove(force=True)
        project.remove()
    ours, plain = zip(*rounds, strict=True)
    return [
        Figure("throughput: our configuration", "req/s", [one.rate for one in ours], note="wrk -t2 -c64"),
        Figure("throughput: hand-written", "req/s", [one.rate for one in plain]),
        Figure(
            "throughput: ours of hand-written",
            "%",
            [mine.rate / theirs.rate * 100 for mine, theirs in rounds],
            limit=95,
            at_least=True,
        ),
        # Does not change with what else the machine does, as the rates do.
        Figure("throughput: CPU of our configuration", "us/req", [one.processor_us for one in ours]),
        Figure("throughput: CPU of the hand-written", "us/req", [one.processor_us for one in plain]),
        Figure("throughput: latency p99 of ours", "ms", [one.p99 for one in ours]),
        Figure("throughput: latency p99 of hand-written", "ms", [one.p99 for one in plain]),
        Figure("throughput: errors", "requests", [sum(one.errors for one in (*ours, *plain))], limit=0),
    ]


def load(world: World, container: str, url: str, host: str) -> Load:
    before = container_seconds(world, container)
    rate, errors, p99 = wrk(url, host, SECONDS)
    spent = container_seconds(world, container) - before
    return Load(rate, errors, p99, spent * 1e6 / (rate * SECONDS))


def container_seconds(world: World, container: str) -> float:
    """What all processes of a container have used."""
    processes = world.swarm.client.containers.get(container).top(ps_args="-o pid")["Processes"]
    return sum(processor_seconds(int(pid)) for (pid,) in processes)


def answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/version", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


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
