# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired minus actual."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.difference import Plan, plan


def _definition(name: str = "a", port: int = 80, digest: str = "h1") -> dict[str, Any]:
    return {"ID": "x", "Name": name, "Address": "10.0.0.1", "Port": port, "Meta": {"owner": "n", "hash": digest}}


def _service(**changes: Any) -> dict[str, Any]:
    service = {"Service": "a", "Address": "10.0.0.1", "Port": 80, "Meta": {"owner": "n", "hash": "h1"}}
    return {**service, **changes}


WANTED = _definition()


@pytest.mark.parametrize(
    ("desired", "actual", "expected"),
    [
        pytest.param({}, {}, Plan(), id="nothing"),
        pytest.param({"x": WANTED}, {}, Plan(register=(WANTED,)), id="new"),
        pytest.param({"x": WANTED}, {"x": _service()}, Plan(), id="unchanged is not sent again"),
        pytest.param({}, {"x": _service()}, Plan(deregister=("x",)), id="gone"),
        pytest.param(
            {"x": WANTED},
            {"x": _service(Meta={"owner": "n", "hash": "old"})},
            Plan(register=(WANTED,)),
            id="changed",
        ),
        pytest.param({"x": WANTED}, {"x": _service(Port=81)}, Plan(register=(WANTED,)), id="port edited by hand"),
        pytest.param({"x": WANTED}, {"x": _service(Service="b")}, Plan(register=(WANTED,)), id="name edited by hand"),
        pytest.param({}, {"x": _service(Meta={"owner": "m", "hash": "h1"})}, Plan(), id="another node's"),
        pytest.param({}, {"x": _service(Meta={"owner": "n"})}, Plan(), id="an owner of somebody else's meaning"),
        pytest.param({}, {"x": _service(Meta=None)}, Plan(), id="no Meta"),
        pytest.param({"x": WANTED}, {"x": _service(Meta={})}, Plan(taken=("x",)), id="a foreign service has our id"),
    ],
)
def test_plan(desired: dict[str, Any], actual: dict[str, Any], expected: Plan) -> None:
    assert plan(desired, actual, "n") == expected
