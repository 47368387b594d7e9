# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Files that are either the old or the new one, never half of each, and one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import DeliveryError
from ..core.waiting import Deadline

# Bytes that have to be free beside one more copy of every file.
_ROOM = 65536


class DiskError(DeliveryError):
    """A file cannot be written. It says nothing about what should stand in it, and ends as soon as there is room."""


def require_room(directory: Path) -> None:
    """DiskError when the disk has no room to write every file of this directory anew."""
    probe = directory / ".room.new"
    try:
        size = _ROOM + sum(entry.stat().st_size for entry in os.scandir(directory) if entry.is_file())
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        raise DiskError(f"{directory} cannot be written on this proxy: {error.strerror or error}") from error


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file: what a crash leaves is the whole old or the whole new content. Raises DiskError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise DiskError(f"{path} cannot be written on this proxy: {error.strerror or error}") from error


def write_if_changed(path: Path, text: str, mode: int = 0o600) -> bool:
    """Write only what differs, then read it back; whether it was written. Raises DiskError."""
    if read_text(path) == text:
        return False
    write_atomically(path, text, mode)
    if read_text(path) != text:
        raise DiskError(f"{path} does not hold what was written to it on this proxy: check its disk")
    return True


def read_text(path: Path) -> str | None:
    """The content, or None when there is none to be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


@contextlib.contextmanager
def locked(path: Path, timeout: float = 15.0) -> Iterator[None]:
    """Hold the lock file; DeliveryError when another process keeps it longer than C(timeout) seconds."""
    deadline = Deadline(timeout)
    with path.open("a", encoding="utf-8") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.passed:
                    raise DeliveryError(
                        f"another process writes this proxy's files since {timeout:g} s ({path} is locked)"
                    ) from None
            time.sleep(0.02)
        yield


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
