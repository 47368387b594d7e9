# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which colour a release goes to."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.color import next_color, other


@pytest.mark.parametrize(
    ("served", "running", "expected"),
    [
        pytest.param(None, {}, "blue", id="first release"),
        pytest.param("blue", {"blue": 2}, "green", id="blue is served"),
        pytest.param("green", {"green": 2}, "blue", id="green is served"),
        pytest.param("blue", {"blue": 2, "green": 2}, "green", id="a candidate is there: replaced"),
        pytest.param("blue", {}, "green", id="served, though nothing of it runs"),
        pytest.param("blue", {"green": 2}, "green", id="served beats what runs"),
        pytest.param(None, {"green": 1}, "green", id="never live, one runs: replaced"),
        pytest.param(None, {"blue": 1}, "blue", id="never live, blue runs"),
        pytest.param(None, {"blue": 1, "green": 1}, "blue", id="never live, both run"),
        pytest.param(None, {"blue": 0, "green": 0}, "blue", id="never live, both stopped"),
    ],
)
def test_next_color(served: str | None, running: dict[str, int], expected: str) -> None:
    assert next_color(served, running) == expected


def test_the_other_color() -> None:
    assert (other("blue"), other("green")) == ("green", "blue")
    with pytest.raises(ValueError, match="'red' is no colour"):
        other("red")
