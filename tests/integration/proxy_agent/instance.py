# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny service: one process, one port, one version. ``python instance.py <socket> <version>``.

The socket is the number of an inherited one that is bound already: nobody else gets its port meanwhile.
``/slow?seconds=2`` answers late, ``/headers`` shows what arrived, ``/stream?seconds=2&type=text/plain`` is silent for
so long within an answer that has no length; everything else answers at once. The header X-Version names the version.
SIGUSR1 makes /health (and only that) fail from now on, SIGUSR2 mends it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from urllib.parse import parse_qs, urlsplit

healthy = True


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await reader.readline():
            headers: dict[str, str] = {}
            while (line := (await reader.readline()).strip()) != b"":
                name, _colon, value = line.decode().partition(":")
                name = name.strip().lower()
                headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
            await reader.readexactly(int(headers.get("content-length", "0")))
            url = urlsplit(request.split()[1].decode())
            if url.path.endswith("/stream"):
                await stream(writer, parse_qs(url.query))
                break
            writer.write(await answer(url, headers))
            await writer.drain()
            if headers.get("connection") == "close":
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def answer(url, headers: dict[str, str]) -> bytes:
    if url.path.endswith("/slow"):
        await asyncio.sleep(float(parse_qs(url.query)["seconds"][0]))
    status = "503 Not Well" if url.path.endswith("/health") and not healthy else "200 OK"
    body = json.dumps(headers).encode() if url.path.endswith("/headers") else sys.argv[2].encode()
    return f"HTTP/1.1 {status}\r\nX-Version: {sys.argv[2]}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def stream(writer: asyncio.StreamWriter, query: dict[str, list[str]]) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {query['type'][0]}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + b"data: 1\n\n")
    await writer.drain()
    await asyncio.sleep(float(query["seconds"][0]))
    writer.write(b"data: 2\n\n")
    await writer.drain()


def set_health(value: bool) -> None:
    global healthy  # noqa: PLW0603
    healthy = value


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, set_health, False)
    loop.add_signal_handler(signal.SIGUSR2, set_health, True)
    server = await asyncio.start_server(serve, sock=socket.socket(fileno=int(sys.argv[1])), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
