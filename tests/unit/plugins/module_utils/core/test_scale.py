# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scale expressions as a table."""

from __future__ import annotations

import re

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale


@pytest.mark.parametrize(
    ("text", "running", "expected"),
    [
        pytest.param("5", 2, 5, id="absolute"),
        pytest.param(" 5 ", 2, 5, id="spaces around"),
        pytest.param("+2", 3, 5, id="step up"),
        pytest.param("-1", 3, 2, id="step down"),
        pytest.param("+1", 0, 1, id="step from nothing"),
        pytest.param("50%", 4, 2, id="half"),
        pytest.param("50%", 3, 2, id="half of three rounds up"),
        pytest.param("50%", 1, 1, id="half of one rounds up"),
        pytest.param("150%", 3, 5, id="4.5 rounds up"),
        pytest.param("33.3%", 3, 1, id="decimal percentage"),
        pytest.param("x2", 3, 6, id="factor"),
        pytest.param("x1.5", 3, 5, id="4.5 rounds up, not to even"),
        pytest.param("x0.5", 5, 3, id="2.5 rounds up, not to even"),
        pytest.param("x0.1", 5, 1, id="exact in decimals: 0.5 rounds up"),
    ],
)
def test_resolve(text: str, running: int, expected: int) -> None:
    assert Scale.parse(text).resolve(running) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two",
        "+",
        "-",
        "-0",
        "+0",
        "+2.5",
        "2.5",
        "--1",
        "+-1",
        "x",
        "x-1",
        "%",
        "-50%",
        "50%%",
        "1e3",
        "5 5",
        "x1.",
        "5\n6",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(DeliveryError, match="^" + re.escape(f"scale '{text}' is not valid: use a number (5)")):
        Scale.parse(text)


@pytest.mark.parametrize(
    ("text", "running", "minimum", "maximum", "said"),
    [
        pytest.param(
            "0", 2, 1, None, "gives 0, below the minimum of 1: ask for more instances or lower min_scale", id="0"
        ),
        pytest.param("-2", 2, 1, None, "scale '-2' of 2 running instances gives 0", id="step to nothing"),
        pytest.param("-5", 2, 0, None, "gives -3, below the minimum of 0", id="below zero"),
        pytest.param("10%", 2, 1, None, "gives 0, below", id="percentage to nothing"),
        pytest.param(
            "x3", 2, 1, 5, "gives 6, above the maximum of 5: ask for fewer instances or raise max_scale", id="max"
        ),
    ],
)
def test_out_of_bounds_is_refused_and_not_clamped(
    text: str, running: int, minimum: int, maximum: int | None, said: str
) -> None:
    with pytest.raises(DeliveryError, match=said):
        Scale.parse(text).resolve(running, minimum, maximum)


@pytest.mark.parametrize(("text", "minimum", "maximum"), [("0", 0, None), ("5", 1, 5), ("5", 5, 5)])
def test_bounds_are_inclusive(text: str, minimum: int, maximum: int | None) -> None:
    assert Scale.parse(text).resolve(3, minimum, maximum) == int(text)
