# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.project import ComposeProject
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.spec_hash import spec_hash
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.recorded import recorded_project
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop, shop_with_config

SAME: list[Any] = [
    pytest.param(lambda: spec_hash(shop({"deploy": {"replicas": 9}}), "app"), id="replicas in the file"),
    pytest.param(lambda: spec_hash(shop({"build": {"context": "."}}), "app"), id="what Swarm ignores"),
]


@pytest.mark.parametrize("compute", SAME)
def test_same_specification(compute: Callable[[], str]) -> None:
    assert compute() == spec_hash(shop(), "app")


OTHER: list[Any] = [
    pytest.param(lambda: spec_hash(shop({"environment": {"A": "1"}}), "app"), id="environment"),
    pytest.param(lambda: spec_hash(shop({"image": "app:2"}), "app"), id="image"),
    pytest.param(lambda: spec_hash(shop(), "app", images={"app:1": "app:1@sha256:x"}), id="digest"),
    pytest.param(lambda: spec_hash(shop(), "app", image_identity="sha256:x"), id="image id"),
    pytest.param(lambda: spec_hash(shop({"deploy": {"labels": {"a": "b"}}}), "app"), id="label"),
    pytest.param(lambda: spec_hash(shop({"oom_score_adj": 5}), "app"), id="key of newer clients"),
    pytest.param(lambda: spec_hash(shop(networks={"default": {"name": "other"}}), "app"), id="network"),
    pytest.param(lambda: spec_hash(shop(), "app", colored=False), id="no colours"),
    pytest.param(lambda: spec_hash(shop({"ports": [{"target": 9090}]}), "app"), id="port"),
    pytest.param(lambda: spec_hash(shop_with_config(b"one"), "app"), id="config"),
    pytest.param(lambda: spec_hash(shop_with_config(b"two"), "app"), id="config's content"),
]


def test_other_specifications_all_differ() -> None:
    hashes = [spec_hash(shop(), "app"), *(param.values[0]() for param in OTHER)]
    assert len(set(hashes)) == len(hashes)


def test_main_port_is_part_of_the_specification() -> None:
    project = shop({"ports": [{"target": 8080}, {"target": 9090}]})
    assert spec_hash(project, "app") != spec_hash(project, "app", target_port=9090)


# Computed once and written down: a release that runs carries such a value in a label, and the next run compares it. A
# change here makes every target look changed, so it needs another schema number and a word in the changelog.
RECORDED: list[Any] = [
    pytest.param(
        "everything", {}, "f0a4cfaec86c353a7c92714c9c90a41c6f7e5e6c4f10c4ced42a15ff30027f6d", id="everything, colours"
    ),
    pytest.param(
        "everything",
        {"colored": False},
        "6e449f1e8b7daf645e9e42b14aaa5233f4fe43f1037804c8f9b435f70988411f",
        id="everything, no colours",
    ),
    pytest.param(
        "everything",
        {"images": {"example/app:7": "pinned@sha256:0"}, "image_identity": "sha256:1"},
        "654bb962a53d4e741ddb3d2fef233b566a2ae863abe30122f1b3feb2287f1b8c",
        id="everything, pinned",
    ),
    pytest.param("modern", {}, "fbda39e7ca56e23c8dbfaca8778e9f91862fd46f384f0a6bfbd5a5b803f183e6", id="modern"),
]


@pytest.mark.parametrize(("case", "options", "expected"), RECORDED)
def test_hashes_of_running_releases_stay(tmp_path: Path, case: str, options: dict[str, Any], expected: str) -> None:
    project = _moved(recorded_project(case, tmp_path, "app", "db"), str(tmp_path / case))
    assert spec_hash(project, "app", **options) == expected


def _moved(project: ComposeProject, directory: str) -> ComposeProject:
    """The project as if it lay in C(/project): paths are part of the specification."""
    document = json.loads(json.dumps(project.document).replace(directory, "/project"))
    return replace(project, directory="/project", document=document, services=document["services"])
