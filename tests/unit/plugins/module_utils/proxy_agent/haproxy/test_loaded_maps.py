# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which maps change, so that no request finds half of a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_files import HaproxyFiles
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.loaded_maps import Maps
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Preview, Route, Split

NewRoute = Callable[..., Route]


class Memory:
    """A worker's maps; C(seen) are all of them after each change."""

    def __init__(self, files: HaproxyFiles, maps: Maps) -> None:
        self._files = files
        self.maps: dict[Path, Mapping[str, str]] = {
            files.routes_map: maps.routes,
            files.split_map: maps.split,
            files.preview_map: maps.preview,
        }
        self.seen: list[tuple[set[str], set[str]]] = []

    def map_entries(self, path: Path) -> list[tuple[str, str]]:
        return list(self.maps[path].items())

    def replace_map(self, path: Path, entries: Mapping[str, str]) -> None:
        self.maps[path] = dict(entries)
        self.seen.append((set(self.maps[self._files.routes_map].values()), set(self.maps[self._files.split_map])))


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        pytest.param(["a"], ["a"], 0, id="nothing"),
        pytest.param(["a"], ["a", "b"], 2, id="a new service: its share first"),
        pytest.param(["a", "b"], ["a"], 2, id="a service that goes: its share last"),
        pytest.param(["a"], ["b"], 3, id="one for the other"),
    ],
)
def test_no_service_is_routed_without_its_share(
    files: HaproxyFiles, new_route: NewRoute, before: list[str], after: list[str], changes: int
) -> None:
    memory = Memory(files, Maps.of([new_route(name) for name in before]))
    wanted = Maps.of([new_route(name) for name in after])
    assert wanted.load(memory, files) is bool(changes)  # type: ignore[arg-type]
    assert len(memory.seen) == changes
    assert all(routed <= shared for routed, shared in memory.seen)
    assert list(memory.maps.values()) == [wanted.routes, wanted.split, wanted.preview]


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        pytest.param({"split": Split("green")}, ["split.map"], id="a flip"),
        pytest.param({"paths": ("/x",)}, ["routes.map"], id="another path"),
        pytest.param({"preview": Preview("green", "ab" * 32)}, ["preview.map"], id="a preview"),
        pytest.param({"revision": 2}, [], id="nothing that the maps say"),
    ],
)
def test_only_the_files_that_differ_are_written(
    files: HaproxyFiles, new_route: NewRoute, change: dict[str, object], changed: list[str]
) -> None:
    Maps.of([new_route()]).write(files)
    before = {path: path.stat().st_ino for path in files.maps}
    assert Maps.of([new_route(**change)]).write(files) is bool(changed)
    assert [path.name for path in files.maps if path.stat().st_ino != before[path]] == changed
