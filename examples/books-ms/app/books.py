# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""books-ms: books over HTTP.

    GET, POST, PUT   /api/v1/books        all books; add one; store one under the id in its body
    GET, PUT, DELETE /api/v1/books/<id>   one book
    GET              /health              200 while this instance can work, and what it depends on
    GET              /version             version and instance

Every answer carries X-Version and X-Instance. `?delay_ms=<n>` on any path makes the answer that much slower.
BOOKS_MS_VERSION names the release; some releases misbehave on purpose (see README.md).
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
import time
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from connections import GracefulHandler, GracefulServer
from store import BookStore, StoreAwayError

VERSION = os.environ.get("BOOKS_MS_VERSION", "1")
INSTANCE = os.environ.get("HOSTNAME") or socket.gethostname()
STORE = BookStore(os.environ.get("BOOKS_DB_HOST", "db"), int(os.environ.get("BOOKS_DB_PORT", "6379")))
PORT = int(os.environ.get("BOOKS_MS_PORT", "8080"))
BOOK_ID = r"[A-Za-z0-9_-]{1,64}"
BOOK_PATH = re.compile(rf"/api/v1/books(?:/(?P<id>{BOOK_ID}))?/?")
LARGEST_BODY = 1 << 20
SLOW_START = 30  # seconds that release `slow` needs before it listens


class RequestError(Exception):
    """A request that cannot be met: the status and one sentence for the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


Answer = tuple[HTTPStatus, object]


class BooksHandler(GracefulHandler):
    """Reads a request, finds who answers it, writes the answer as JSON."""

    def answer_request(self) -> None:
        url = urlsplit(self.path)
        body = self.read_body()  # always, also for an error: what is left unread would be taken for the next request
        delay = parse_qs(url.query).get("delay_ms", ["0"])[0]
        time.sleep(min(int(delay), 60_000) / 1000 if delay.isdecimal() else 0)
        try:
            status, content = self.answer(url.path, body)
        except RequestError as error:
            status, content = error.status, {"error": str(error)}
        except StoreAwayError:
            status, content = (
                HTTPStatus.SERVICE_UNAVAILABLE,
                {"error": "the data store (db) does not answer; try again"},
            )
        self.write_answer(status, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer_request  # noqa: N815 (the names that http.server calls)

    def answer(self, path: str, body: bytes) -> Answer:
        if path == "/health":
            return health()
        if VERSION == "fragile" and self.command == "POST":
            log("cannot bear a POST: this release breaks on purpose")
            os._exit(1)
        if VERSION == "error500":
            raise RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "this release answers every request with an error")
        if path in ("/version", "/"):
            return HTTPStatus.OK, {"service": "books-ms", "version": VERSION, "instance": INSTANCE}
        match = BOOK_PATH.fullmatch(path)
        if not match:
            raise RequestError(HTTPStatus.NOT_FOUND, "books-ms answers /api/v1/books, /health and /version")
        return self.answer_books(match["id"], body)

    def answer_books(self, book_id: str | None, body: bytes) -> Answer:
        match self.command, book_id:
            case (("GET" | "HEAD"), None):
                return HTTPStatus.OK, STORE.all()
            case (("GET" | "HEAD"), str()):
                return HTTPStatus.OK, STORE.get(book_id) or not_found(book_id)
            case "POST", None:
                return HTTPStatus.CREATED, STORE.add(parse_book(body))
            case "PUT", _:
                book = parse_book(body, book_id)
                if "id" not in book:
                    raise RequestError(
                        HTTPStatus.BAD_REQUEST, 'PUT needs an id, in the path or as "id"; POST makes one'
                    )
                return HTTPStatus.CREATED if STORE.put(str(book["id"]), book) else HTTPStatus.OK, book
            case "DELETE", str():
                return (HTTPStatus.NO_CONTENT, None) if STORE.delete(book_id) else not_found(book_id)
        raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, f"{self.command} is not possible here")

    def read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # where the next request would begin is not known
            return b""
        return self.rfile.read(int(length))

    def write_answer(self, status: HTTPStatus, content: object) -> None:
        data = b"" if status is HTTPStatus.NO_CONTENT else json.dumps(content).encode() + b"\n"
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        self.send_header("X-Version", VERSION)
        self.send_header("X-Instance", INSTANCE)
        if data:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (inherited)
        log(format % arguments)


def health() -> Answer:
    """An absent data store is no reason to stop the instance: a new one would not have it either."""
    content = {"version": VERSION, "instance": INSTANCE, "depends_on": {"db": "up" if STORE.is_up else "down"}}
    if VERSION == "unhealthy":
        return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "this release never becomes healthy", **content}
    return HTTPStatus.OK, {"status": "ok", **content}


def not_found(book_id: str) -> Answer:
    raise RequestError(HTTPStatus.NOT_FOUND, f"no book with id {book_id}")


def parse_book(body: bytes, book_id: str | None = None) -> dict[str, object]:
    """A book from a request's body; with `book_id` (from the path), that is its id."""
    try:
        book = json.loads(body)
    except ValueError as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, "the body is no JSON") from error
    if not isinstance(book, dict) or not isinstance(book.get("title"), str):
        raise RequestError(HTTPStatus.BAD_REQUEST, 'a book is an object with a "title"')
    if book_id is not None:
        book["id"] = book_id
    if "id" in book and not re.fullmatch(BOOK_ID, str(book["id"])):
        raise RequestError(HTTPStatus.BAD_REQUEST, "an id has 1 to 64 letters, digits, _ and -")
    return book


def log(message: str) -> None:
    print(f"books-ms {VERSION} {INSTANCE}: {message}", flush=True)


def main() -> int:
    if VERSION == "crash":
        log("cannot start: this release crashes on purpose")
        return 1
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_unused: stop.set())
    signal.signal(signal.SIGTERM, signal.SIG_IGN if VERSION == "stubborn" else lambda *_unused: stop.set())
    if VERSION == "slow" and stop.wait(SLOW_START):
        return 0
    STORE.watch()
    server = GracefulServer(("", PORT), BooksHandler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    log(f"listening on port {PORT}")
    stop.wait()
    log("stopping")
    finished = server.close_gracefully()
    log("stopped" if finished else "stopped with requests open")
    return 0 if finished else 1


if __name__ == "__main__":
    sys.exit(main())
