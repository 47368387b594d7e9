# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: users come in by the proxies; the ports of coloured services are closed to all but proxies and managers.

Time budget: 20 s.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.dockerflow.delivery.tests.integration import stages
from ansible_collections.dockerflow.delivery.tests.integration.project import Project

FOREIGN = "story-foreign"  # a network namespace, which is as good as another host
HERE, THERE = "198.51.100.1", "198.51.100.2"


@pytest.fixture(scope="module")
def foreign_host() -> Iterator[Callable[[int], str]]:
    """Call C(foreign_host(port)): what a stranger gets at that port of this machine, a status or why there is none."""
    remove()
    for command in (
        f"netns add {FOREIGN}",
        f"link add {FOREIGN} type veth peer name eth0 netns {FOREIGN}",
        f"address add {HERE}/24 dev {FOREIGN}",
        f"link set {FOREIGN} up",
        f"-netns {FOREIGN} address add {THERE}/24 dev eth0",
        f"-netns {FOREIGN} link set eth0 up",
    ):
        subprocess.run(["ip", *command.split()], check=True, timeout=10)

    def ask(port: int) -> str:
        program = (
            "import http.client, sys\n"
            f"c = http.client.HTTPConnection('{HERE}', {port}, timeout=3)\n"
            "try:\n    c.request('GET', '/version'); print(c.getresponse().status)\n"
            "except OSError as error:\n    print(type(error).__name__)"
        )
        command = ["ip", "netns", "exec", FOREIGN, "python3", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()

    yield ask
    remove()


def remove() -> None:
    """The pair of interfaces goes with the namespace."""
    subprocess.run(["ip", "netns", "delete", FOREIGN], capture_output=True, timeout=10, check=False)


def test_a_stranger_reaches_the_proxy_and_no_instance(
    new_project: Callable[..., Project], foreign_host: Callable[[int], str]
) -> None:
    books = new_project("closed", lean=True)
    stages.stand(books, "1")
    (instance,) = books.instances(books.live or "")
    registered = {one.port for one in books.world.consul.instances(f"{books.service}-{books.live}")}
    assert {foreign_host(port) for port in registered} == {"TimeoutError"}
    # Docker chose another one for IPv6.
    assert {foreign_host(port) for port in instance.ports} <= {"TimeoutError", "ConnectionRefusedError"}
    assert foreign_host(80) == "404"  # the proxy answers: no service is routed at this host name
