# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be built: the images of one or more catalogues, what each is made of, and in which order."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .commands import BuildError

PREFIX = "dockerflow/"
COLLECTION = Path(__file__).resolve().parents[4]
CATALOG = COLLECTION / "roles/image/files/images.toml"
PACKAGES = COLLECTION / "roles/docker/files/python-packages.txt"
MODULE_UTILS = COLLECTION / "plugins/module_utils"


@dataclass(frozen=True, slots=True)
class Image:
    """One entry of a catalogue: where it is made and in which versions."""

    name: str
    directory: Path
    versions: tuple[str, ...]
    python: bool

    @property
    def parents(self) -> list[str]:
        """The images of ours that its Dockerfile starts from, by name."""
        dockerfile = self.directory / "Dockerfile"
        if not dockerfile.exists():
            return []
        return re.findall(rf"^FROM\s+{PREFIX}([a-z0-9-]+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)

    def stage(self, version: str) -> str | None:
        """The stage of its Dockerfile that bears the version's name; None: the last one."""
        text = (self.directory / "Dockerfile").read_text(encoding="utf-8")
        return version if re.search(rf"^FROM\s.*\sAS\s+{re.escape(version)}$", text, re.MULTILINE) else None

    def tag(self, version: str) -> str:
        """Its name in the engine."""
        return f"{PREFIX}{self.name}:{version}"

    @property
    def tags(self) -> dict[str, str]:
        """Its versions by their tags."""
        return {self.tag(version): version for version in self.versions}


def read_catalog(path: Path) -> dict[str, Image]:
    """The images of a file in the form of images.toml, by name; unknown keys are errors."""
    images = {}
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if unknown := set(entry) - {"versions", "directory", "python"}:
            raise BuildError(f"{path.name}: [{name}] has unknown keys: {', '.join(sorted(unknown))}")
        directory = path.parent / entry.get("directory", name)
        images[name] = Image(name, directory, tuple(entry["versions"]), entry.get("python", False))
    return images


def in_build_order(images: Mapping[str, Image], wanted: Iterable[str]) -> list[tuple[Image, list[str]]]:
    """The wanted images and all that they are built on, parents first, each with the versions to make of it.

    Wanted is C(consul), all versions of it, or a tag such as C(dockerflow/consul:1.8.7).
    """
    ordered: dict[str, list[str]] = {}

    def visit(name: str, versions: Iterable[str]) -> None:
        for parent in images[name].parents:
            visit(parent, images[parent].versions)
        found = ordered.setdefault(name, [])
        found += [version for version in versions if version not in found]

    for word in wanted:
        if (name := word) in images:
            visit(name, images[name].versions)
            continue
        name = word.removeprefix(PREFIX).partition(":")[0]
        if name not in images or word not in images[name].tags:
            raise BuildError(f"no image named '{word}'; the catalogue has: {', '.join(images)}")
        visit(name, [images[name].tags[word]])
    return [(images[name], versions) for name, versions in ordered.items()]


def source_files(directory: Path) -> list[Path]:
    """Files below a directory in a stable order, without what Python leaves behind."""
    return sorted(path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def inputs_hash(image: Image, parents: list[str]) -> str:
    """What the image is made of, as 16 hexadecimal digits: its files and their modes, its packages, its parents."""
    digest = hashlib.sha256(" ".join(parents).encode())
    directories = [image.directory, MODULE_UTILS] if image.python else [image.directory]
    for directory in directories:
        for path in source_files(directory):
            name = f"{path.relative_to(directory)} {os.access(path, os.X_OK)}"
            digest.update(f"\n{name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    if image.python:
        digest.update(PACKAGES.read_bytes())
    return digest.hexdigest()[:16]


def hashes_of(ordered: Iterable[tuple[Image, list[str]]]) -> dict[str, str]:
    """The inputs of images by name, for images in build order."""
    hashes: dict[str, str] = {}
    for image, _versions in ordered:
        hashes[image.name] = inputs_hash(image, [hashes[parent] for parent in image.parents])
    return hashes
