# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading Docker's event documents."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_events import event_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.stopping import Event


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            {"Action": "kill", "Actor": {"ID": "a", "Attributes": {"signal": "15"}}, "timeNano": 1_500_000_000},
            Event("a", "kill", 15, 1.5),
            id="kill with its signal",
        ),
        pytest.param(
            {"Action": "health_status: healthy", "Actor": {"ID": "a", "Attributes": None}, "timeNano": 0},
            Event("a", "health_status", None, 0.0),
            id="health",
        ),
        pytest.param(
            {"Type": "container", "Action": "start", "Actor": {"ID": "a"}},
            Event("a", "start", None, 0.0),
            id="without the fields that API 1.52 dropped",
        ),
        pytest.param({"status": "start", "id": "a"}, None, id="the old fields are not read"),
        pytest.param({}, None, id="empty"),
    ],
)
def test_event(document: dict[str, Any], expected: Event | None) -> None:
    assert event_of(document) == expected
