# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The files of a project in one archive, on their way to a manager."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from ..core.errors import DeliveryError


def pack(files: Mapping[str, bytes], archive: IO[bytes]) -> None:
    """Write the files, by their paths relative to the project, to an archive that says nothing else of them."""
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))


def unpack(archive: Path) -> dict[str, bytes]:
    """The files of an archive that pack() wrote; DeliveryError for one with anything else in it."""
    try:
        with tarfile.open(archive, mode="r:") as tar:
            found = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile() and _is_inside(entry.name)}
            if len(found) != len(tar.getmembers()):
                raise DeliveryError(f"src '{archive}' is no archive of a project: its action makes one")
            return {name: content.read() for name, content in found.items() if content is not None}
    except (OSError, tarfile.TarError) as error:
        raise DeliveryError(f"src '{archive}' cannot be read: {error}") from error


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts
