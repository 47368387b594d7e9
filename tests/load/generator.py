# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The open loop: every request has its moment, whatever became of the ones before it."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .connection import Answer, Connection
from .report import Outcome, Record


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request. With ``keep_alive`` it goes over the pool, else it opens a connection of its own."""

    name: str
    method: str
    path: str
    keep_alive: bool
    body: bytes = b""

    def encode(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", "User-Agent: dockerflow-load"]
        if self.body or self.method in ("POST", "PUT"):
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        if not self.keep_alive:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Target:
    """Where the load goes. ``host`` is the Host header; ``address`` an IP address or a name, looked up once."""

    address: str
    port: int
    host: str
    version_header: str = "X-Version"


class Generator:
    """Fires ``rate`` requests per second, the kinds in turn, until ``seconds`` are over or ``stop`` is called.

    ``connections`` is how many kept-alive connections are opened at the start; they are used in turn, so each stays in
    use. When all are busy another is opened: the arrival rate never waits for a free one. ``timeout`` (seconds) covers
    connect and answer. Every finished request goes to ``report``.
    """

    def __init__(
        self,
        target: Target,
        kinds: Iterable[Kind],
        rate: float,
        report: Callable[[Record], None],
        *,
        seconds: float | None = None,
        timeout: float = 10.0,
        connections: int = 16,
    ) -> None:
        self.target = target
        self.shots = [(kind, kind.encode(target.host)) for kind in kinds]
        self.rate = rate
        self.report = report
        self.seconds = seconds
        self.timeout = timeout
        self.connections = connections
        self._idle: deque[Connection] = deque()
        self._stopped = False
        self._address = target.address

    def stop(self) -> None:
        """No further request; the ones on their way are still waited for."""
        self._stopped = True

    async def run(self) -> None:
        self._address = await _look_up(self.target.address, self.target.port)
        await self._open_pool()
        loop = asyncio.get_running_loop()
        on_their_way: set[asyncio.Task[None]] = set()
        start = loop.time()
        fired = 0
        while not self._stopped:
            intended = start + fired / self.rate
            if self.seconds is not None and fired / self.rate >= self.seconds:
                break
            if intended > loop.time():
                await asyncio.sleep(intended - loop.time())
                continue
            kind, request = self.shots[fired % len(self.shots)]
            task = asyncio.create_task(self._fire(kind, request, intended))
            on_their_way.add(task)
            task.add_done_callback(on_their_way.discard)
            fired += 1
        if on_their_way:
            await asyncio.wait(on_their_way)
        for connection in self._idle:
            connection.close()

    async def _open_pool(self) -> None:
        """Warm connections for the kept-alive kinds; a server that is not there yet shows in the requests."""
        if any(kind.keep_alive for kind, _unused in self.shots):
            opened = await asyncio.gather(
                *(self._open() for _unused in range(self.connections)), return_exceptions=True
            )
            self._idle.extend(connection for connection in opened if isinstance(connection, Connection))

    async def _fire(self, kind: Kind, request: bytes, intended: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.timeout
        nth = 0
        try:
            connection = self._take_idle() if kind.keep_alive else None
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await self._open()
            answer = await connection.ask(request, deadline)
            nth = connection.requests
            if kind.keep_alive and connection.reusable:
                self._idle.append(connection)
            else:
                connection.close()
        except OSError as error:  # of the connect; asyncio's TimeoutError is an OSError too
            answer = Answer(_outcome_of_connect(error), None, loop.time())
        self.report(
            Record(kind.name, intended, answer.sent, answer.done, answer.outcome, answer.status, answer.version, nth)
        )

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.popleft()
            if connection.reusable:
                return connection
        return None

    async def _open(self) -> Connection:
        return await Connection.open(self._address, self.target.port, self.target.version_header)


async def _look_up(name: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


def _outcome_of_connect(error: OSError) -> Outcome:
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return Outcome.REFUSED
    if isinstance(error, ConnectionError):
        return Outcome.RESET
    return Outcome.UNREACHABLE
