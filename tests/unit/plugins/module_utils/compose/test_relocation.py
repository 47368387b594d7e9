# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that is read in a snapshot and lies in its own directory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import ComposeProject
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.relocation import relocated

HERE, THERE = "/projects/.shop/app/5e88", "/projects/shop"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(f"{HERE}/data", f"{THERE}/data", id="below it"),
        pytest.param(HERE, THERE, id="itself"),
        pytest.param(f"{HERE}9/data", f"{HERE}9/data", id="another of that beginning"),
        pytest.param(f"see {HERE}/data", f"see {HERE}/data", id="a text that mentions it"),
        pytest.param("/srv/data", "/srv/data", id="elsewhere"),
        pytest.param([f"{HERE}/a", 1, None, True], [f"{THERE}/a", 1, None, True], id="a list"),
        pytest.param({"source": f"{HERE}/a", f"{HERE}/k": 1}, {"source": f"{THERE}/a", f"{HERE}/k": 1}, id="a mapping"),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_paths_below_the_directory_move(value: Any, expected: Any, slash: str) -> None:
    document = {"services": {"app": {"volumes": value}}, "secrets": {"pw": {"file": f"{HERE}/pw"}}}
    contents = {("secrets", "pw"): f"{HERE}/pw".encode()}
    project = ComposeProject("shop", HERE + slash, (f"{HERE}/compose.yaml",), document["services"], document, contents)
    moved = relocated(project, THERE + slash)
    assert moved.services == {"app": {"volumes": expected}}
    assert moved.document["services"] == moved.services
    assert (moved.directory, moved.files) == (THERE, (f"{THERE}/compose.yaml",))
    assert moved.contents == contents, "what it contains is no path"
