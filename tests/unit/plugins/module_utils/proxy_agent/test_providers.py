# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxies can be driven, and who connects to Consul."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils import proxy_agent
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.providers import driver_for
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings

ROOM = Path(str(proxy_agent.__file__)).parent


def test_the_settings_name_the_driver(settings: Settings) -> None:
    assert driver_for(settings).provider == settings.provider == "haproxy"


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        pytest.param("haproxi", "(did you mean 'haproxy'?): use haproxy", id="a slip of the pen"),
        pytest.param("", "provider '' is no proxy that this agent can drive: use haproxy", id="nothing"),
    ],
)
def test_another_one_is_refused(settings: Settings, provider: str, message: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        driver_for(dataclasses.replace(settings, provider=provider))
    assert message in str(caught.value)


def imports(path: Path) -> set[str]:
    """The modules of this collection that a file imports, as they stand there without their dots."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}


def test_consul_is_connected_to_in_one_place() -> None:
    knowing = {path.stem for path in ROOM.rglob("*.py") if any("consul" in name.split(".") for name in imports(path))}
    assert knowing == {"composition", "proxy_settings"}, "the settings hold how it is reached"
