# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port that a target is released with; what is refused stands in test_document.py, as users see it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import stack_document
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.releasable import (
    check_image,
    check_networks,
    check_target,
    external_networks,
)
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


NETWORKS = [
    pytest.param({"network_mode": "none"}, {}, "has network_mode 'none', where no proxy reaches it", id="none"),
    pytest.param({"networks": {"in": None}}, {"in": {"internal": True}}, "is only on 'in', internal", id="internal"),
    pytest.param(
        {"networks": {"in": None, "far": None}},
        {"in": {"internal": True}, "far": {"external": True, "name": "known"}},
        "is only on 'in', 'far', internal",
        id="an external one that is known to be internal",
    ),
    pytest.param({"networks": {"in": None, "out": None}}, {"in": {"internal": True}, "out": {}}, "", id="one is open"),
    pytest.param({"networks": {"far": None}}, {"far": {"external": True, "name": "x"}}, "", id="external, not known"),
    pytest.param({"networks": None}, {}, "", id="default"),
]


@pytest.mark.parametrize(("app", "networks", "said"), NETWORKS)
def test_networks_on_which_no_proxy_reaches_the_target(
    app: dict[str, Any], networks: dict[str, Any], said: str
) -> None:
    project = shop(app)
    project.document["networks"] = networks
    if not said:
        check_networks(project, "app", {"known"})
        return
    with pytest.raises(DeliveryError, match=f"^target 'app' {re.escape(said)}"):
        check_networks(project, "app", {"known"})


def test_a_target_that_no_proxy_reaches_is_refused_with_its_port() -> None:
    project = shop({"networks": {"in": None}}, services={"db": {"image": "db:1"}})
    project.document["networks"] = {"in": {"internal": True}}
    with pytest.raises(DeliveryError, match=r"^target 'app' is only on 'in', internal"):
        check_target(project, "app")


def test_external_networks_are_known_by_name() -> None:
    project = shop({"networks": {"far": None, "near": None}})
    project.document["networks"] = {"far": {"external": True, "name": "company"}, "near": {}}
    assert external_networks(project, "app") == {"company"}


@pytest.mark.parametrize(
    ("networks", "mode", "count"),
    [
        pytest.param({"in": None}, "host", 1, id="host mode on an internal network"),
        pytest.param({"in": None}, "ingress", 0, id="the routing mesh has a network of its own"),
        pytest.param({"in": None, "default": None}, "host", 0, id="another network, too"),
    ],
)
def test_ports_of_a_side_target_that_docker_does_not_publish(networks: dict[str, Any], mode: str, count: int) -> None:
    ports = [{"target": 80, "published": "80", "mode": mode}]
    project = shop(services={"db": {"image": "db:1", "networks": networks, "ports": ports}})
    project.document["networks"] = {"in": {"internal": True}, "default": {}}
    warnings = stack_document(project, "app", "blue", side_targets=["db"]).warnings
    assert len(warnings) == count
    assert all("port 80 is not published, its networks are internal" in sentence for sentence in warnings)
