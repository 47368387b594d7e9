# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server at a socket that answers as Docker's API would, and remembers what it was asked."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_VERSIONED = re.compile(r"(/v\d+\.\d+)?(/.*)")


@dataclass(frozen=True, slots=True)
class Request:
    """One GET: C(version) such as C(/v1.41), empty where the client does not know it yet."""

    version: str
    path: str
    query: dict[str, str]


@dataclass
class DockerHttp:
    """C(answers) by path: (status, body), a body that is no text is sent as JSON.

    C(events) are the pieces in which C(/events) answers, with status C(events_status); C(chunked): as Docker sends
    them, else as a proxy would that knows only the end of a connection. After the first piece nothing is sent before
    C(go_on) is set. C(breaks): the link breaks where the answer should end.
    """

    docker_host: str
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)
    events_status: int = 200
    chunked: bool = True
    breaks: bool = False
    go_on: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)

    def engine(self, api_version: str) -> None:
        """Be an engine that speaks this version at most."""
        self.answers["/version"] = (200, {"ApiVersion": api_version, "MinAPIVersion": "1.24"})

    def versions_asked(self) -> int:
        """How often the version was negotiated."""
        return sum(request.path == "/version" for request in self.requests)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


@contextmanager
def serving(directory: Path) -> Iterator[DockerHttp]:
    """An engine for as long as the block runs; its socket is made in C(directory)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_arguments: Any) -> None:
            """Nothing to the terminal."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            match = _VERSIONED.fullmatch(parts.path)
            assert match is not None
            engine.requests.append(Request(match[1] or "", match[2], dict(parse_qsl(parts.query))))
            if match[2] == "/events" and engine.events_status == 200:
                self._stream()
                return
            status, body = (engine.events_status, {"message": "bad parameter"})
            if match[2] != "/events":
                status, body = engine.answers.get(match[2], (404, {"message": "page not found"}))
            raw = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _stream(self) -> None:
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header(*(("Transfer-Encoding", "chunked") if engine.chunked else ("Connection", "close")))
            self.end_headers()
            for place, piece in enumerate(engine.events or [b""]):
                if place == 1 or not piece:
                    engine.go_on.wait(20)
                if piece:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if engine.chunked else piece)
                    self.wfile.flush()
            if engine.chunked and not engine.breaks:
                self.wfile.write(b"0\r\n\r\n")

    path = directory / "docker.sock"
    with _Server(str(path), Handler) as server:
        engine = DockerHttp(f"unix://{path}")
        engine.engine("1.41")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield engine
        finally:
            engine.go_on.set()
            server.shutdown()
            thread.join()
