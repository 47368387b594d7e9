# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake world that tests of stages and modules start from."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.consul import proxy_reports
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Two proxies, nothing deployed, no lock taken."""
    refusing = set[str]()
    monkeypatch.setattr(proxy_reports, "refuses_connections", refusing.__contains__)
    return World(refusing)
