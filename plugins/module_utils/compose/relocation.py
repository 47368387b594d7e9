# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""A project that is read in one place and lies in another, as far as what it says of its own directory goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .project import ComposeProject


def relocated(project: ComposeProject, directory: str) -> ComposeProject:
    """The project as if it had been read in C(directory): paths below its own directory begin there.

    What its configs and secrets contain was read already and stays.
    """
    old, new = project.directory.rstrip("/"), directory.rstrip("/")
    document = _moved(project.document, old, new)
    return replace(
        project,
        directory=new,
        files=_moved(project.files, old, new),
        document=document,
        services=document.get("services") or {},
    )


def _moved(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return new + value.removeprefix(old) if value == old or value.startswith(f"{old}/") else value
    if isinstance(value, dict):
        return {key: _moved(item, old, new) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(item, old, new) for item in value)
    return value
