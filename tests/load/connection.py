# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client connection that carries one HTTP/1.1 request at a time and never sends any of them twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from .report import Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``sent`` and ``done`` are seconds of the monotonic clock."""

    outcome: Outcome
    sent: float | None
    done: float
    status: int | None = None
    version: str | None = None


class Connection(asyncio.Protocol):
    """Open it with ``Connection.open``; ``ask`` sends one request and gives what became of it.

    ``reusable`` says whether the connection may carry another request. A server that closes it while it is idle is
    noticed and makes it not reusable; one that closes it after the request went out has lost that request.
    """

    def __init__(self, version_header: str) -> None:
        self.version_header = version_header.lower().encode()
        self.requests = 0
        self.reusable = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[Answer] | None = None
        self._sent = 0.0
        self._parser = ResponseParser()

    @classmethod
    async def open(cls, address: str, port: int, version_header: str) -> Connection:
        loop = asyncio.get_running_loop()
        _unused, protocol = await loop.create_connection(lambda: cls(version_header), address, port)
        return protocol

    async def ask(self, request: bytes, deadline: float) -> Answer:
        """Send ``request`` and wait for its answer until ``deadline`` (monotonic seconds)."""
        self.requests += 1
        self._parser = ResponseParser()
        self._waiting = self._loop.create_future()
        self._sent = self._loop.time()
        timer = self._loop.call_at(deadline, self._finish, Outcome.TIMEOUT)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(request)
        else:
            self._finish(Outcome.EOF)
        try:
            return await self._waiting
        finally:
            timer.cancel()

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.reusable = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # an unasked answer (HAProxy's 408 to an idle client): this connection is over
            self.close()
            return
        try:
            complete = self._parser.feed(data)
        except ValueError:
            self._finish(Outcome.GARBLED)
            return
        if complete:
            self._finish(None)

    def eof_received(self) -> None:
        self.reusable = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if exc is None and self._parser.ended_by_close:
            self._finish(None)
        else:
            self._finish(Outcome.EOF if exc is None else Outcome.RESET)

    def _finish(self, failure: Outcome | None) -> None:
        """Settle the request on its way, if there is one; None means that its answer is complete."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            return
        status = self._parser.status
        version = self._parser.headers.get(self.version_header)
        if failure is not None or not self._parser.keeps_alive:
            self.close()
        outcome = failure or _outcome_of(status)
        text = None if version is None else version.decode("latin-1")
        waiting.set_result(Answer(outcome, self._sent, self._loop.time(), status, text))


class ResponseParser:
    """Just enough of HTTP/1.1 to know where an answer ends. ValueError on anything that is not HTTP."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[bytes, bytes] = {}
        self.keeps_alive = True
        self.ended_by_close = False  # the body lasts until the server closes
        self._buffer = bytearray()
        self._missing: int | None = None
        self._chunked = False

    def feed(self, data: bytes) -> bool:
        """Take in ``data``; True when the answer is complete."""
        self._buffer += data
        while self.status is None or self.status < 200:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._read_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
        if self.ended_by_close:
            return False
        if self._chunked:
            return self._chunks_complete()
        return len(self._buffer) >= (self._missing or 0)

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        protocol, _unused, rest = first.partition(b" ")
        if not protocol.startswith(b"HTTP/1."):
            raise ValueError(first)
        self.status = int(rest[:3])
        self.headers = {}
        for line in lines:
            name, _unused, value = line.partition(b":")
            self.headers[name.lower()] = value.strip()
        self.keeps_alive = self.headers.get(b"connection", b"").lower() != b"close" and protocol == b"HTTP/1.1"
        self._chunked = self.headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        length = self.headers.get(b"content-length")
        without_body = self.status < 200 or self.status in (204, 304)
        self._missing = 0 if without_body or length is None else int(length)
        self.ended_by_close = not without_body and not self._chunked and length is None

    def _chunks_complete(self) -> bool:
        while True:
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return False
            size = int(bytes(self._buffer[:line_end]).partition(b";")[0], 16)
            whole = line_end + 2 + size + 2
            if len(self._buffer) < whole:
                return False
            del self._buffer[:whole]
            if size == 0:
                return True


def _outcome_of(status: int | None) -> Outcome:
    if status is None:
        return Outcome.GARBLED
    if status >= 500:
        return Outcome.HTTP_5XX
    return Outcome.OK if status < 400 else Outcome.OTHER_STATUS
