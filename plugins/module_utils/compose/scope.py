# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""How the text of one Compose file is meant: where its relative paths begin, and what its variables are.

An included file has both of its own. Whatever it is included from wins over its C(.env).
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from ..core.errors import DeliveryError
from ..syntax.dotenv import read_dotenv
from ..syntax.variables import interpolate

_REMOTE = ("://", "git@")


class Step(TypedDict):
    """One C(include), its paths relative to the project: of no C(env_file) the directory's C(.env) counts."""

    project_directory: str
    env_file: list[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """C(root) is the project's directory, C(base) where relative paths begin, C(chain) the files that include."""

    root: Path
    base: Path
    variables: Mapping[str, str] = field(repr=False)
    steps: tuple[Step, ...] = ()
    chain: tuple[Path, ...] = ()

    def text(self, text: str) -> str:
        """C(text) with its variables replaced; empty where one is missing that must be set: Compose says it better."""
        try:
            return interpolate(text, self.variables)
        except DeliveryError:
            return ""


def included_scope(outer: Scope, path: Path, directory: Path, files: Sequence[Path]) -> Scope:
    """The scope of C(path), included with C(directory) as its project's and with variables from C(files)."""
    own: dict[str, str] = {}
    for file in files or [directory / ".env"]:
        own |= read_dotenv(file, {**own, **outer.variables})
    step = Step(project_directory=_relative(directory, outer), env_file=[_relative(file, outer) for file in files])
    return Scope(outer.root, directory, {**own, **outer.variables}, (*outer.steps, step), (*outer.chain, path))


def resolve(scope: Scope, reference: Any) -> Path | None:
    """The path that a file names, C(None) for one on the manager, one from the network, or none at all."""
    if not isinstance(reference, str):
        return None
    text = scope.text(reference)
    if text.startswith(f"{scope.root}/"):
        raise DeliveryError(
            f"the Compose file names '{text}', which is another path on the manager: write it relative to the project"
        )
    if not text or text.startswith(("/", "~")) or any(mark in text for mark in _REMOTE):
        return None
    return Path(os.path.normpath(scope.base / text))


def inside(root: Path, path: Path, what: str) -> bool:
    """Whether C(path) exists; DeliveryError for one that would land outside the project's directory on the manager."""
    if not path.is_relative_to(root):
        raise DeliveryError(
            f"{what} is '{path}', outside the project directory '{root}', of which only the inside is brought "
            f"to the manager: move it inside, or set project_src to a directory that holds both and compose_path to "
            f"the Compose file in it"
        )
    return path.is_file()


def _relative(path: Path, scope: Scope) -> str:
    return os.path.relpath(path, scope.root)
