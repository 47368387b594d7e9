# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port that a target is released with; what is refused stands in test_document.py, as users see it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.releasable import check_image, check_target
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

TWO = [{"target": 53, "protocol": "udp"}, {"target": 8080}, {"target": 9090, "protocol": "tcp"}]


@pytest.mark.parametrize(
    ("app", "options", "expected"),
    [
        pytest.param({}, {}, 8080, id="the only one"),
        pytest.param({"ports": TWO}, {}, 8080, id="the first TCP port"),
        pytest.param({"ports": TWO}, {"target_port": 9090}, 9090, id="the one that was asked for"),
        pytest.param({"deploy": {"mode": "global"}}, {"colored": False}, 8080, id="global without colours"),
    ],
)
def test_port_of_a_target(app: dict[str, Any], options: dict[str, Any], expected: int) -> None:
    assert check_target(shop(app), "app", **options) == expected


def test_a_side_target_is_named_as_such() -> None:
    with pytest.raises(DeliveryError, match=r"^side target 'db' has no image, and a Swarm does not build"):
        check_image(shop(), "db", {}, "side target")
