# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax.scalars import (
    Scalar,
    flag,
    scalar_text,
    scalar_value,
)

VALUES = [
    ("yes", "yes"),
    ("NO", "NO"),
    ("on", "on"),
    ("True", True),
    ("FALSE", False),
    ("~", None),
    ("", None),
    ("2222:22", "2222:22"),
    ("190:20:30", "190:20:30"),
    ("2024-02-30", "2024-02-30"),
    ("2024-02-03", "2024-02-03"),
    ("=", "="),
    ("017", 15),
    ("0o17", 15),
    ("0x1F", 31),
    ("-0b11", -3),
    ("1_000", 1000),
    ("089", 89.0),
    ("1.50", 1.5),
    ("1e3", 1000.0),
    ("1e400", "1e400"),
    (".5", 0.5),
    ("._5", "._5"),
    ("18446744073709551615", 18446744073709551615),
    ("18446744073709551616", 18446744073709551616.0),
    ("-9223372036854775809", -9223372036854775809.0),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_value_of_a_plain_scalar(text: str, expected: Scalar) -> None:
    value = scalar_value(text)
    assert (type(value), value) == (type(expected), expected)


TEXTS = [
    (None, ""),
    (True, "true"),
    (15, "15"),
    (1.5, "1.5"),
    (89.0, "89"),
    (100000.0, "100000"),
    (1000000.0, "1e+06"),
    (123456789.25, "1.2345678925e+08"),
    (0.0001, "0.0001"),
    (0.00001, "1e-05"),
    (-1.5e-7, "-1.5e-07"),
    (-0.0, "-0"),
    (0.0, "0"),
    (float("inf"), "+Inf"),
    (float("-inf"), "-Inf"),
    (float("nan"), "NaN"),
    ("1.50", "1.50"),
]


@pytest.mark.parametrize(("value", "expected"), TEXTS)
def test_text_of_a_value(value: Scalar, expected: str) -> None:
    assert scalar_text(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("yes", True), ("On", True), ("n", False), ("FALSE", False), ("1", "1")]
)
def test_flag(text: str, expected: object) -> None:
    assert flag(text) == expected
