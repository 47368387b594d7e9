# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The file that a module appends to while it waits, and that the action on the controller follows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def progress_writer(path: str | None) -> Callable[[str], None]:
    """A function that appends one line; without a C(path) it does nothing."""
    if path is None:
        return lambda _line: None

    def write(line: str) -> None:
        with suppress(OSError), Path(path).open("a", encoding="utf-8") as file:  # a full disk must not stop a flip
            file.write(line + "\n")

    return write
