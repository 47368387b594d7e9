# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which targets there are, and which name was likely meant."""

from __future__ import annotations

import json

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.known_targets import (
    mistyped,
    owner_of,
    recorded_targets,
    removal_command,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul


def test_what_is_recorded() -> None:
    consul = FakeConsul()
    consul.seed("p/releases/shop-api-app", json.dumps(ReleaseRecord("shop", "api-app").to_document()))
    consul.seed("p/releases/damaged-app", "{")
    consul.seed("p/releases/future-app", json.dumps({"schema": 99}))
    consul.seed("p/routes/shop-web", "{}")
    assert recorded_targets(consul, "p/") == {"shop-api-app": ("shop", "api-app")}


@pytest.mark.parametrize(
    ("service", "command"),
    [
        pytest.param("shop-api-app", "-e project=shop -e target=api-app", id="as recorded"),
        pytest.param("shop-web-app", "-e project=shop-web -e target=app", id="unrecorded: what makes that service"),
    ],
)
def test_what_takes_it_away(service: str, command: str) -> None:
    recorded = {"shop-api-app": ("shop", "api-app")}
    assert removal_command(owner_of(service, recorded)) == f"playbooks/remove.yml {command}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        pytest.param("shop", None, id="known"),
        pytest.param("shpo", "shop", id="letters changed places"),
        pytest.param("sho", "shop", id="a letter is missing"),
        pytest.param("billing", None, id="like none"),
        pytest.param("review-103", None, id="another review environment"),
        pytest.param("reveiw-101", "review-101", id="digits and a slip"),
    ],
)
def test_which_name_was_meant(name: str, meant: str | None) -> None:
    assert mistyped(name, {"shop", "review-101", "review-102"}) == meant
