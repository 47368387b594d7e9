# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose registration it is, and which instances the catalog does not know."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.registration import (
    belongs,
    unregistered,
    wait_until_registered,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.tests.unit.fakes.engine import task
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World


def registered(**changes: Any) -> Instance:
    """A registration of task t1 by our registrator."""
    known: dict[str, Any] = {
        "id": "manager-1:app:33019",
        "address": "172.17.0.1",
        "port": 33019,
        "node": "manager-1",
        "node_alive": True,
        "passing": True,
        "meta": {"swarm_task": "t1"},
        "tags": (),
    }
    return Instance(**{**known, **changes})


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        pytest.param(registered(), True, id="by the task's id"),
        pytest.param(registered(port=1, address="192.0.2.9"), True, id="by the task's id, wherever it says it is"),
        pytest.param(registered(meta={}), True, id="another registrator: by address and port"),
        pytest.param(registered(meta={}, port=33006), True, id="its IPv6 port"),
        pytest.param(registered(meta={}, port=33020), False, id="another port"),
        pytest.param(registered(meta={}, address="172.17.0.2"), False, id="another node"),
        pytest.param(
            registered(meta={"swarm_task": "t0"}), False, id="a dead task's entry on the port that was reused"
        ),
    ],
)
def test_whose_registration_it_is(instance: Instance, expected: bool) -> None:
    assert belongs(instance, task("running")) is expected
    assert (unregistered([task("running")], [instance]) == []) is expected


def test_what_does_not_pass_is_not_registered() -> None:
    assert [one.id for one in unregistered([task("running")], [registered(passing=False)])] == ["t1"]


def test_a_missing_registration_names_the_node(world: World) -> None:
    world.consul.services["books-ms-app-blue"] = [registered()]
    tasks = [task("running"), task("running", "t2")]
    with pytest.raises(
        DeliveryError,
        match=r"^Consul service 'books-ms-app-blue' misses 1 of 2 instances after 0 s: check that the registrator "
        r"runs on node 172\.17\.0\.1$",
    ):
        wait_until_registered(world.release, "blue", tasks, timeout=0.0, on_wait=lambda _text: None)
    wait_until_registered(world.release, "blue", tasks[:1], timeout=0.0, on_wait=lambda _text: None)
