# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.canonical import canonical


def service(**definition: Any) -> dict[str, Any]:
    return {"services": {"app": definition}}


@pytest.mark.parametrize("section", ["configs", "secrets"])
@pytest.mark.parametrize(("printed", "mode"), [(288, 288), ("0440", 288), ("0o555", 365), ("1777", 1023), ("0", 0)])
def test_modes(section: str, printed: object, mode: int) -> None:
    found = canonical(service(**{section: [{"source": "a", "mode": printed}, {"source": "b"}]}))
    assert found == service(**{section: [{"source": "a", "mode": mode}, {"source": "b"}]})


BINDS: list[Any] = [
    pytest.param({"create_host_path": True}, {"create_host_path": True}, id="2.26, true"),
    pytest.param({}, {"create_host_path": True}, id="later, true"),
    pytest.param({"create_host_path": False}, {"create_host_path": False}, id="later, false"),
    pytest.param({"propagation": "shared"}, {"propagation": "shared", "create_host_path": True}, id="another option"),
]


@pytest.mark.parametrize(("printed", "expected"), BINDS)
def test_bind_mounts(printed: dict[str, Any], expected: dict[str, Any]) -> None:
    found = canonical(service(volumes=[{"type": "bind", "target": "/a", "bind": printed}]))
    assert found == service(volumes=[{"type": "bind", "target": "/a", "bind": expected}])


def test_what_has_no_mode_or_mount_stays() -> None:
    document = service(
        deploy={"mode": "global"}, ports=[{"mode": "ingress"}], volumes=[{"type": "volume", "target": "/v"}]
    )
    assert canonical(service(**document["services"]["app"])) == document
    tmpfs = [{"type": "tmpfs", "target": "/t", "tmpfs": {"mode": "1777"}}]
    assert canonical(service(volumes=tmpfs))["services"]["app"]["volumes"][0]["tmpfs"] == {"mode": 1023}
    assert canonical({"name": "shop"}) == {"name": "shop"}
