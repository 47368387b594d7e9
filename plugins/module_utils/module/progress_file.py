# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The file that a module appends to while it waits, and that the action on the controller follows.

Whoever writes one holds a lock on it, which ends with the process however that ends. So one that nobody holds was left
by a module that was killed, and the next module removes it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# How the action names them, in a directory for temporary files.
PREFIX = ".docker-flow-progress-"


def progress_writer(path: str | None) -> Callable[[str], None]:
    """A function that appends one line; without a C(path) it does nothing."""
    if path is None:
        return lambda _line: None
    if Path(path).name.startswith(PREFIX):
        remove_unused(Path(path).parent)
    opened: list[int] = []

    def write(line: str) -> None:
        with suppress(OSError):  # a full disk must not stop a flip
            if not opened:
                opened.append(_open_held(path))
            os.write(opened[0], f"{line}\n".encode())

    return write


def remove_unused(directory: Path) -> None:
    """Remove the files of modules that were killed; those of other users are theirs to remove."""
    for path in directory.glob(f"{PREFIX}*"):
        with suppress(OSError):
            # Somebody may have put anything there under such a name: nothing is followed and nothing is waited for.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                status = os.fstat(descriptor)
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
            finally:
                os.close(descriptor)


def _open_held(path: str) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with suppress(OSError):  # where there are no locks it is written all the same
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return descriptor
