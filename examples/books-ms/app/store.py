# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The books, kept in Redis as one hash: id → JSON."""

from __future__ import annotations

import json
import secrets
import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

BOOKS = "books"
ANSWER_DEADLINE = 1.0  # seconds; a request that waits longer is better answered with 503


class StoreAwayError(Exception):
    """The data store does not answer; whoever asks may try again soon."""


class BookStore:
    """Books by id; every method raises StoreAwayError when Redis does not answer in time."""

    def __init__(self, host: str, port: int) -> None:
        self.is_up = False
        self._redis = redis.Redis(
            host=host,
            port=port,
            decode_responses=True,
            socket_timeout=ANSWER_DEADLINE,
            socket_connect_timeout=ANSWER_DEADLINE,
            retry=Retry(NoBackoff(), 1),  # once, for a kept connection that the store closed when it restarted
        )

    def _ask(self, command: str, *arguments: str) -> object:
        try:
            return self._redis.execute_command(command, *arguments)
        except redis.RedisError as error:
            raise StoreAwayError(str(error)) from error

    def watch(self) -> None:
        """Keep `is_up` true to life from now on, so that nobody has to wait for a store that is away to learn it."""

        def ask_again_and_again() -> None:
            while True:
                try:
                    self._ask("PING")
                    self.is_up = True
                except StoreAwayError:
                    self.is_up = False
                time.sleep(1)

        threading.Thread(target=ask_again_and_again, daemon=True).start()

    def all(self) -> list[dict[str, object]]:
        """Every book, ordered by id."""
        found = self._ask("HGETALL", BOOKS)
        books = [json.loads(book) for book in dict(found).values()]  # type: ignore[call-overload]
        return sorted(books, key=lambda book: str(book["id"]))

    def get(self, book_id: str) -> dict[str, object] | None:
        found = self._ask("HGET", BOOKS, book_id)
        return json.loads(str(found)) if found is not None else None

    def put(self, book_id: str, book: dict[str, object]) -> bool:
        """Store a book under its id; True if there was none."""
        return bool(self._ask("HSET", BOOKS, book_id, json.dumps(book)))

    def add(self, book: dict[str, object]) -> dict[str, object]:
        """Store a book under a new id and return it with that id."""
        stored = {"id": secrets.token_hex(8), **book}
        self.put(str(stored["id"]), stored)
        return stored

    def delete(self, book_id: str) -> bool:
        """Remove a book; False if there was none."""
        return bool(self._ask("HDEL", BOOKS, book_id))
