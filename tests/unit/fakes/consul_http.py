# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on 127.0.0.1 that answers as Consul would, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request: C(body) as text, C(headers) by lower-case name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class ConsulHttp:
    """C(answers) are used up one after the other, the last one stays: (status, body, index)."""

    address: str
    answers: list[tuple[int, Any, int]] = field(default_factory=lambda: [(200, None, 1)])
    requests: list[Request] = field(default_factory=list)

    def answer(self, *answers: tuple[int, Any] | tuple[int, Any, int]) -> None:
        """What to say from now on; a body that is no text is sent as JSON."""
        self.answers[:] = [(one[0], one[1], one[2] if len(one) == 3 else 1) for one in answers]

    @property
    def last(self) -> Request:
        """The newest request."""
        return self.requests[-1]


@contextmanager
def serving() -> Iterator[ConsulHttp]:
    """A server for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            consul.requests.append(
                Request(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length).decode(),
                )
            )
            status, body, index = consul.answers[0] if len(consul.answers) == 1 else consul.answers.pop(0)
            raw = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("X-Consul-Index", str(index))
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_PUT = do_DELETE = do_POST = _handle  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            """Nothing to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        consul = ConsulHttp(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield consul
        finally:
            server.shutdown()
            thread.join()
