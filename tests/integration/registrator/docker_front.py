# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker socket of our own in front of the real one, that can be cut, and that can pose as a newer engine."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

_REAL = "/var/run/docker.sock"
_VERSIONED = re.compile(r"/v(\d+\.\d+)(/.*)")
_OLD_EVENT_FIELDS = ("status", "id", "from")


class DockerFront:
    """Serves C(path) once started. C(requests) has method and path of every request, without version and query.

    C(modern): claims API 1.52, refuses anything older than 1.44 and leaves out of events what 1.52 dropped.
    C(quiet): passes no event on, for a test that must not be helped by what else happens on this machine.
    """

    def __init__(self, path: Path, *, modern: bool = False, quiet: bool = False) -> None:
        self.path = path
        self.modern = modern
        self.quiet = quiet
        self.requests: list[tuple[str, str]] = []
        self._server: _Server | None = None

    @property
    def docker_host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.path}"

    def start(self) -> None:
        """Answer (again)."""
        self._server = _Server(str(self.path), self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def cut(self) -> None:
        """Remove the socket and break every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self.path.unlink()
            self._server.break_connections()
            self._server = None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, front: DockerFront) -> None:
        self.front = front
        self.connections: set[socket.socket] = set()
        super().__init__(path, _Handler)

    def break_connections(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that we broke ourselves is no news."""


class _Upstream(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(_REAL)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.0"  # one request per connection, its answer ends with it

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given by the standard library
        """Be silent."""

    def do_GET(self) -> None:
        match = _VERSIONED.fullmatch(self.path)
        version, path = (match[1], match[2]) if match else (None, self.path)
        self.server.front.requests.append(("GET", path.partition("?")[0]))
        if self.server.front.modern and version:
            if tuple(map(int, version.split("."))) < (1, 44):
                self._answer(400, b'{"message":"client version is too old. Minimum supported API version is 1.44"}')
                return
            version = "1.41"
        upstream = _Upstream("docker", timeout=400)
        upstream.request("GET", f"/v{version}{path}" if version else path)
        response = upstream.getresponse()
        if self.server.front.modern and path == "/version":
            document = json.loads(response.read())
            document.update(ApiVersion="1.52", MinAPIVersion="1.44")
            self._answer(response.status, json.dumps(document).encode())
        elif path.startswith("/events"):
            self._stream(response)
        else:
            self.send_response(response.status)
            self.end_headers()
            shutil.copyfileobj(response, self.wfile)
        upstream.close()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, response: http.client.HTTPResponse) -> None:
        self.send_response(response.status)
        self.end_headers()
        self.wfile.flush()
        while line := response.readline():
            if self.server.front.quiet:
                continue
            if self.server.front.modern:
                document = json.loads(line)
                for key in _OLD_EVENT_FIELDS:
                    document.pop(key, None)
                line = json.dumps(document).encode() + b"\n"
            self.wfile.write(line)
            self.wfile.flush()
