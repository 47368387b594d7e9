# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator against a server that breaks a known number of requests: it must count exactly these."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.tests.load.generator import Generator, Kind, Target
from ansible_collections.dockerflow.delivery.tests.load.report import Outcome, Record, Report

POST = Kind("post", "POST", "/books", keep_alive=True, body=b"{}")
GET = Kind("get", "GET", "/books", keep_alive=False)
WHOLE = b"HTTP/1.1 200 OK\r\nX-Version: 2\r\nContent-Length: 2\r\n\r\nok"
RATE = 2000.0
SECONDS = 0.1  # 200 requests

# What the server does to a request, and what the generator must call it.
BEHAVIOURS: dict[str, tuple[bytes | None, Outcome]] = {
    "answers": (WHOLE, Outcome.OK),
    "answers in chunks": (
        b"HTTP/1.1 200 OK\r\nX-Version: 2\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n",
        Outcome.OK,
    ),
    "answers after 100 Continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE, Outcome.OK),
    "answers until it closes": (b"HTTP/1.0 200 OK\r\nX-Version: 2\r\n\r\nok", Outcome.OK),
    "answers 204": (b"HTTP/1.1 204 No Content\r\nX-Version: 2\r\n\r\n", Outcome.OK),
    "answers 503": (b"HTTP/1.1 503 No Server\r\nContent-Length: 0\r\n\r\n", Outcome.HTTP_5XX),
    "answers 404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Outcome.OTHER_STATUS),
    "closes without an answer": (b"", Outcome.EOF),
    "closes inside the head": (WHOLE[:20], Outcome.EOF),
    "closes inside the body": (WHOLE[:-1], Outcome.EOF),
    "resets": (None, Outcome.RESET),
    "talks something else": (b"SSH-2.0-OpenSSH\r\n\r\n", Outcome.GARBLED),
}
STAYS_OPEN = {"answers", "answers in chunks", "answers after 100 Continue", "answers 204", "answers 503", "answers 404"}


class Server:
    """Answers each request as ``behaviour(n)`` says for the n-th request it got, and counts what it did."""

    def __init__(self, behaviour: Callable[[int], str]) -> None:
        self.behaviour = behaviour
        self.done: Counter[str] = Counter()
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2 if b"Content-Length: 2" in head else 0)
                behaviour = self.behaviour(self.done.total())
                self.done[behaviour] += 1
                if behaviour == "stays silent":
                    await reader.read()
                    break
                answer, _unused = BEHAVIOURS[behaviour]
                if answer is None:
                    option = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
                    writer.transport.abort()
                    break
                writer.write(answer)
                if behaviour not in STAYS_OPEN:
                    break
        writer.close()


async def fire(address: tuple[str, int], *kinds: Kind, timeout: float = 5.0, connections: int = 4) -> Report:
    records: list[Record] = []
    target = Target(address[0], address[1], "books.example")
    generator = Generator(
        target, kinds, RATE, records.append, seconds=SECONDS, timeout=timeout, connections=connections
    )
    await generator.run()
    return Report(records)


async def load(server: Server, *kinds: Kind, timeout: float = 5.0) -> Report:
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    async with listener:
        return await fire(listener.sockets[0].getsockname(), *kinds, timeout=timeout)


@pytest.mark.parametrize("kind", [POST, GET], ids=lambda kind: kind.name)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_counts_exactly_what_the_server_did(behaviour: str, kind: Kind) -> None:
    server = Server(lambda n: behaviour if n % 7 == 3 else "answers")
    report = asyncio.run(load(server, kind))
    expected: Counter[str] = Counter()
    for name, times in server.done.items():
        expected[BEHAVIOURS[name][1].value] += times
    assert report.outcomes() == expected
    assert server.done[behaviour] >= 28
    assert report.total == server.done.total() == 200  # so nothing was sent twice either


def test_counts_mixed_faults_of_both_kinds_together() -> None:
    names = list(BEHAVIOURS)
    server = Server(lambda n: names[n % len(names)])
    report = asyncio.run(load(server, POST, GET))
    expected = Counter(BEHAVIOURS[name][1].value for name in server.done.elements())
    assert report.outcomes() == expected
    assert Counter(record.kind for record in report.records) == {"post": 100, "get": 100}


def test_a_silent_server_is_a_timeout_and_delays_no_other_request() -> None:
    server = Server(lambda n: "stays silent" if n % 50 == 0 else "answers")
    report = asyncio.run(load(server, POST, timeout=3.0))
    assert report.outcomes() == {"ok": 196, "timeout": 4}
    starts = [record.intended for record in report.records]
    assert starts == pytest.approx([starts[0] + n / RATE for n in range(200)])


def test_nothing_listening_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    report = asyncio.run(fire(address, POST, GET))
    assert report.outcomes() == {"refused": 200}
    assert all(record.sent is None for record in report.records)


def test_posts_share_the_pool_in_turn_and_gets_open_a_connection_each() -> None:
    server = Server(lambda n: "answers")
    report = asyncio.run(load(server, POST, GET))
    posts = [record.nth for record in report.records if record.kind == "post"]
    assert server.connections - 100 == sum(nth == 1 for nth in posts)
    assert max(posts) < 100  # one connection alone would have carried all of them
    assert {record.nth for record in report.records if record.kind == "get"} == {1}


def test_the_answering_version_is_kept() -> None:
    report = asyncio.run(load(Server(lambda n: "answers 503" if n % 2 else "answers"), POST))
    assert report.versions() == {"2": 100}


def test_stop_ends_the_load_and_waits_for_what_is_on_its_way() -> None:
    records: list[Record] = []

    async def stop_after_some() -> None:
        server = Server(lambda n: "answers")
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listener:
            address = listener.sockets[0].getsockname()

            def report(record: Record) -> None:
                records.append(record)
                if len(records) == 20:
                    generator.stop()

            generator = Generator(Target(*address, "books.example"), [POST], RATE, report)
            await generator.run()

    asyncio.run(stop_after_some())
    assert len(records) >= 20  # and without the stop it would not have ended
    assert Report(records).outcomes() == {"ok": len(records)}
