# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking HAProxy whether it would take a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.config_check import check_text
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("backend good\n", None, id="it would"),
        pytest.param("backend bad\n", "config : unknown keyword", id="it would not: its first alert"),
    ],
)
def test_check_text(settings: Settings, tmp_path: Path, text: str, problem: str | None) -> None:
    assert check_text(settings.haproxy, tmp_path / "candidate", text) == problem
    assert not (tmp_path / "candidate").exists()


def test_a_program_that_cannot_be_run_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="could not be run"):
        check_text(str(tmp_path / "missing"), tmp_path / "candidate", "")
    assert not (tmp_path / "candidate").exists()
