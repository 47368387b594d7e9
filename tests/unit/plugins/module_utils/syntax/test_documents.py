# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax import documents
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax.documents import parse_documents

FILE = Path("/x/compose.yaml")
READ: list[Any] = [
    pytest.param("a: 1\n---\nb: 2\n---\n", [{"a": 1}, {"b": 2}], id="several documents, an empty one"),
    pytest.param(
        "a: =\nb: 2024-02-30\nc: 22:22\nd: 'x'\ne:\n",
        [{"a": "=", "b": "2024-02-30", "c": "22:22", "d": "x", "e": None}],
        id="scalars",
    ),
    pytest.param("a: '1'\nb: \"2\"\nc: |\n  3\n", [{"a": "1", "b": "2", "c": "3\n"}], id="quoted"),
    pytest.param(
        "a: !reset [1]\nb: !override [1]\nc: !mine 5\nd: !!str 5\ne: !!int '5'\nf: !override 5\n",
        [{"a": None, "b": [1], "c": "5", "d": "5", "e": 5, "f": 5}],
        id="tags",
    ),
    pytest.param(
        "x: &x {a: 1, b: 1}\ny: {<<: *x, b: 2}\n", [{"x": {"a": 1, "b": 1}, "y": {"a": 1, "b": 2}}], id="merge key"
    ),
    pytest.param(
        "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {b: 3, <<: [*x, *y]}\n",
        [{"x": {"a": 1}, "y": {"a": 2, "b": 2}, "z": {"a": 1, "b": 3}}],
        id="merge keys",
    ),
    pytest.param("x: &a 1\ny: *a\nz: &a 2\nw: *a\n", [{"x": 1, "y": 1, "z": 2, "w": 2}], id="an anchor given anew"),
    pytest.param("&k a: 1\nb: *k\n", [{"a": 1, "b": "a"}], id="an anchor of a key"),
    pytest.param("1: a\ntrue: b\n2024-01-01: c\n", [{"1": "a", "true": "b", "2024-01-01": "c"}], id="keys are texts"),
    pytest.param("a: 1\na: 2\n", [{"a": 2}], id="a key twice"),
    pytest.param("a:\t1\t# c\n", [{"a": 1}], id="tabs"),
    pytest.param("%YAML 1.2\n---\na: 1\n...\n", [{"a": 1}], id="directive"),
    pytest.param("", [], id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_documents(text: str, expected: list[Any]) -> None:
    assert parse_documents(text, FILE) == expected


REFUSED = [
    pytest.param("a: *gone\n", "line 1 is not valid YAML: there is no '&gone' before this alias", id="no anchor"),
    pytest.param("a: &a [*a]\n", "line 1 is not valid YAML: there is no '&a' before this alias", id="holds itself"),
    pytest.param("a: 1\n{b: c}: d\n", "line 2 is not valid YAML: a key must be a text: put it in quotes", id="key"),
    pytest.param("a: 1\nb: [\n", "line 3 is not valid YAML: did not find expected node content", id="syntax"),
    pytest.param("a: @b\n", "line 1 is not valid YAML: found character that cannot start any token", id="reserved"),
    pytest.param("a: '\x07'\n", "control characters are not allowed", id="control character"),
    pytest.param("[" * 5000, "is not valid YAML: ", id="too deep"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_refused_with_the_file_and_the_line(text: str, expected: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        parse_documents(text, FILE)
    assert str(caught.value).startswith("'/x/compose.yaml' ")
    assert expected in str(caught.value)


def test_a_key_twice_where_that_is_an_error() -> None:
    with pytest.raises(DeliveryError, match="line 3 is not valid YAML: the key 'b' stands twice in one mapping"):
        parse_documents("a:\n  b: 1\n  b: 2\n", FILE, strict=True)
    assert parse_documents("x: &x {b: 1}\na: {<<: *x, b: 2}\n", FILE, strict=True)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "YAML_AVAILABLE", False)
    with pytest.raises(DeliveryError, match="cannot be read without the Python library PyYAML: install it"):
        parse_documents("a: 1", FILE)
