# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""One form for what the versions of Compose print differently."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def canonical(document: Document) -> Document:
    """C(document), as C(docker compose config) printed it, in the form of Compose 2.26; changed in place.

    Since 2.34 the mode of a config or secret is a text with an octal number, which C(docker stack deploy) refuses.
    Later ones leave C(create_host_path) out where it is true.
    """
    for service in (document.get("services") or {}).values():
        for section in ("configs", "secrets"):
            for entry in service.get(section) or ():
                _number_mode(entry)
        for volume in service.get("volumes") or ():
            _number_mode(volume.get("tmpfs") or {})
            if volume.get("type") == "bind" and isinstance(volume.get("bind"), dict):
                volume["bind"].setdefault("create_host_path", True)
    return document


def _number_mode(entry: Document) -> None:
    mode = entry.get("mode")
    if isinstance(mode, str):
        entry["mode"] = int(mode.lower().removeprefix("0o"), 8)
