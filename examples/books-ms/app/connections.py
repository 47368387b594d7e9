# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A threaded HTTP/1.1 server that can be stopped without losing a request."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class GracefulHandler(BaseHTTPRequestHandler):
    """Tells its server when it works on a request, and closes its connection once the server is closing."""

    protocol_version = "HTTP/1.1"
    timeout = 75  # seconds that an idle connection stays open; longer than a proxy keeps its end
    server: GracefulServer

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connected(self)

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass  # the client went away first
        finally:
            self.server.disconnected(self)

    def parse_request(self) -> bool:
        self.server.busy(self, True)
        return super().parse_request()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True
        finally:
            self.server.busy(self, False)

    def end_headers(self) -> None:
        if self.server.closing:
            self.send_header("Connection", "close")
            self.close_connection = True
        super().end_headers()


class GracefulServer(ThreadingHTTPServer):
    """Knows its connections, so that it can end each of them between two requests.

    :param linger: seconds between the order to stop and the closing of connections without a request. A proxy that has
        just decided to use such a connection is answered, and told to close it.
    :param patience: seconds that open requests get after the order to stop.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(
        self, address: tuple[str, int], handler: type[GracefulHandler], linger: float = 0.5, patience: float = 8
    ) -> None:
        super().__init__(address, handler)
        self.closing = False
        self._linger = linger
        self._patience = patience
        self._busy: dict[GracefulHandler, bool] = {}
        self._changed = threading.Condition()

    def connected(self, handler: GracefulHandler) -> None:
        with self._changed:
            self._busy[handler] = False

    def disconnected(self, handler: GracefulHandler) -> None:
        with self._changed:
            self._busy.pop(handler, None)
            self._changed.notify_all()

    def busy(self, handler: GracefulHandler, is_busy: bool) -> None:
        with self._changed:
            if handler in self._busy:
                self._busy[handler] = is_busy
                self._changed.notify_all()

    def close_gracefully(self) -> bool:
        """Accept no more, answer what is open, close the rest; False if a request outlasted the patience."""
        self.closing = True
        self.shutdown()
        self.accept_waiting()
        self.server_close()
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, self._linger)
            deadline = time.monotonic() + self._patience - self._linger
            while self._busy and time.monotonic() < deadline:
                for handler, is_busy in self._busy.items():
                    if not is_busy:
                        end_reading(handler.connection)
                self._changed.wait(deadline - time.monotonic())
            return not self._busy

    def accept_waiting(self) -> None:
        """Take the connections that the kernel has accepted already; closing the listener would reset them."""
        self.socket.setblocking(False)
        while True:
            try:
                request, client = self.socket.accept()
            except BlockingIOError:
                return
            request.setblocking(True)
            self.process_request(request, client)

    def server_close(self) -> None:
        self.socket.close()  # the inherited method would also wait for threads


def end_reading(connection: socket.socket) -> None:
    """What has arrived is still read; then the handler sees the end of its connection."""
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass  # closed already
