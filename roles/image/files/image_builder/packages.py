# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python packages of agents and managed hosts: fetched once, and put into an image."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from .catalog import MODULE_UTILS, PACKAGES, source_files
from .commands import BUILD_DEADLINE, QUERY_DEADLINE, BuildError, run

MODULE_UTILS_IN_IMAGE = Path("ansible_collections/dockerflow/delivery/plugins/module_utils")


def _pip(*arguments: str) -> None:
    """pip of this interpreter, for any interpreter: the packages are pure Python and pinned by hash."""
    try:
        run([sys.executable, "-m", "pip", "--version"], QUERY_DEADLINE, "asking for pip")
    except BuildError as error:
        raise BuildError(
            f"{sys.executable} has no pip, which fetches the agents' packages: install python3-pip"
        ) from error
    options = ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    platform = ["--platform=any", "--abi=none", "--implementation=py", "--python-version=3.11"]
    command = [sys.executable, "-m", "pip", *arguments, *options, *platform, f"--requirement={PACKAGES}"]
    run(command, BUILD_DEADLINE, "fetching the Python packages")


def wheels_folder(cache: Path) -> Path:
    """Where in the cache the wheels of today's list of packages are, or will be."""
    return cache / "python-packages" / hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:16]


def fetch_wheels(cache: Path) -> Path:
    """The wheels of python-packages.txt, downloaded once per content of that file."""
    wheels = wheels_folder(cache)
    if not wheels.exists():
        wheels.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wheels.parent) as folder:
            _pip("download", f"--dest={folder}/wheels")
            Path(folder, "wheels").rename(wheels)  # complete or not there
    return wheels


def stage_python(target: Path, cache: Path) -> None:
    """Packages and module_utils below C(target), to be copied into an image as they are."""
    _pip("install", "--no-index", f"--find-links={fetch_wheels(cache)}", "--no-compile", f"--target={target}")
    ours = target / MODULE_UTILS_IN_IMAGE
    for path in source_files(MODULE_UTILS):
        copy = ours / path.relative_to(MODULE_UTILS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
