# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul.consul_client import Connection
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Paths, Settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxy_driver import FakeDriver


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings("proxy-1", Connection(), Paths(tmp_path))


@pytest.fixture
def new_route() -> Callable[..., Route]:
    def make(service: str = "books", **values: Any) -> Route:
        return Route(**{"service": service, "revision": 1, "paths": (f"/{service}",), "split": Split("blue"), **values})

    return make


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()
