# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The maps, in the files and in the current worker's memory, both read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...routes.route import Route
from ..atomic_files import write_if_changed
from . import maps
from .haproxy_files import HaproxyFiles
from .sockets import Worker


@dataclass(frozen=True, slots=True)
class Maps:
    """The entries of the three maps."""

    routes: Mapping[str, str]
    split: Mapping[str, str]
    preview: Mapping[str, str]

    @classmethod
    def of(cls, routes: Collection[Route]) -> Maps:
        """What these routes make of the maps."""
        return cls(maps.routes_map(routes), maps.split_map(routes), maps.preview_map(routes))

    def write(self, files: HaproxyFiles) -> bool:
        """Write the files that differ and read them back; whether any did. Raises DeliveryError."""
        changed = [
            write_if_changed(path, maps.to_text(entries))
            for path, entries in (
                (files.split_map, self.split),
                (files.routes_map, self.routes),
                (files.preview_map, self.preview),
            )
        ]
        return any(changed)

    def load(self, worker: Worker, files: HaproxyFiles) -> bool:
        """Put them into the worker's memory where that differs; it is read back either way. Whether any did.

        A service never stands in the routes without its share: new services get the share first, old ones lose it last.
        """
        split = dict(worker.map_entries(files.split_map))
        union = {**split, **self.split}
        changed = [_load(worker, files.split_map, union), _load(worker, files.routes_map, self.routes)]
        if union != dict(self.split):
            changed.append(_load(worker, files.split_map, self.split))
        changed.append(_load(worker, files.preview_map, self.preview))
        return any(changed)


def _load(worker: Worker, path: Path, entries: Mapping[str, str]) -> bool:
    if sorted(worker.map_entries(path)) == sorted(entries.items()):
        return False
    worker.replace_map(path, entries)
    return True
