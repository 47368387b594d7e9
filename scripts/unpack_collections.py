# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the collection that galaxy.yml depends on, and what that one needs, into the virtual environment this runs in.

They are taken out of the `ansible` package of PyPI, so that a checkout needs a Python package index and nothing
else; installing the whole package would cost half a gigabyte.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

BUNDLE = "ansible==12.3.0" if sys.version_info < (3, 12) else "ansible==14.5.0"
COLLECTIONS = ("community/docker", "community/library_inventory_filtering_v1")


def main() -> None:
    """Download the pinned bundle, unpack the wanted collections, forget the bundle."""
    site_packages = Path(sysconfig.get_path("purelib"))
    wanted = tuple(f"ansible_collections/{name}/" for name in COLLECTIONS)
    if all((site_packages / prefix / "MANIFEST.json").exists() for prefix in wanted):
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, BUNDLE]
        subprocess.run(pip, check=True, timeout=900)
        (wheel,) = Path(folder).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site_packages, (name for name in archive.namelist() if name.startswith(wanted)))


if __name__ == "__main__":
    main()
