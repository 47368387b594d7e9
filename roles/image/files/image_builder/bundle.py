# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builder with all that it builds from in one archive, for a host that builds its own images."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

from .catalog import COLLECTION, MODULE_UTILS, PACKAGES, source_files
from .commands import BuildError
from .packages import fetch_wheels

CACHE_IN_BUNDLE = Path("cache")


def contents() -> list[Path]:
    """The files of this collection that the builder reads, itself among them."""
    return [*source_files(COLLECTION / "roles/image/files"), PACKAGES, *source_files(MODULE_UTILS)]


def make_bundle(archive: Path, cache: Path) -> None:
    """Write the archive. The Python packages are in it too, unless they cannot be fetched here: the host then tries."""
    wheels: list[Path] = []
    try:
        wheels = source_files(fetch_wheels(cache))
    except BuildError as error:
        print(f"the host has to fetch the Python packages itself: {error}", file=sys.stderr)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in contents():
            tar.add(path, path.relative_to(COLLECTION))
        for path in wheels:
            tar.add(path, CACHE_IN_BUNDLE / path.relative_to(cache))
