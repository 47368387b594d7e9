# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import spec_hash, stack_document
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop, shop_with_config

SAME: list[Any] = [
    pytest.param(lambda: stack_document(shop(), "app", "green").spec_hash, id="other colour"),
    pytest.param(lambda: stack_document(shop(), "app", "blue", instances=7).spec_hash, id="other instances"),
    pytest.param(lambda: stack_document(shop(), "app", "blue", labels={"dockerflow.run": "r"}).spec_hash, id="run"),
    pytest.param(lambda: stack_document(shop(), "app", "blue", dialect=(3, 13)).spec_hash, id="other client"),
    pytest.param(lambda: stack_document(shop(), "app", "blue", side_targets=["db"]).spec_hash, id="side targets"),
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
