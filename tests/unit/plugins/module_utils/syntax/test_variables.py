# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax.variables import (
    interpolate,
    referenced_variables,
)

REFERENCES = [
    pytest.param("image: app:1", set(), id="none"),
    pytest.param("$TAG", {"TAG"}, id="plain"),
    pytest.param("${TAG}", {"TAG"}, id="braces"),
    pytest.param("a$TAG-b", {"TAG"}, id="ends at a hyphen"),
    pytest.param("${TAG:-1}/${REPO-x}", {"TAG", "REPO"}, id="defaults"),
    pytest.param("${TAG:?needed} ${REPO?}", {"TAG", "REPO"}, id="required"),
    pytest.param("${TAG:+-$SUFFIX}", {"TAG", "SUFFIX"}, id="alternative"),
    pytest.param("${A:-${B:-${C}}}", {"A", "B", "C"}, id="nested"),
    pytest.param("$$HOME and $${USER}", set(), id="escaped"),
    pytest.param("$$$HOME", {"HOME"}, id="escape, then a reference"),
    pytest.param("cost 5$ or $5", set(), id="no name"),
    pytest.param("broken ${TAG and $OTHER", {"TAG", "OTHER"}, id="unclosed: still named"),
]


@pytest.mark.parametrize(("text", "names"), REFERENCES)
def test_references(text: str, names: set[str]) -> None:
    assert referenced_variables(text) == names


VALUES = {"SET": "v", "EMPTY": ""}
TEXTS = [
    pytest.param("a $SET b", "a v b", id="plain"),
    pytest.param("${SET}x", "vx", id="braces"),
    pytest.param("[$UNSET]", "[]", id="unset is empty"),
    pytest.param("${EMPTY:-d}|${EMPTY-d}|${UNSET-d}", "d||d", id="default"),
    pytest.param("${UNSET:-${SET}!}", "v!", id="nested default"),
    pytest.param("${UNSET:-}", "", id="empty default"),
    pytest.param("${SET:+yes}|${EMPTY:+yes}|${EMPTY+yes}", "yes||yes", id="alternative"),
    pytest.param("${SET:?needed}", "v", id="required and there"),
    pytest.param("$$SET $${SET}", "$SET ${SET}", id="escaped"),
    pytest.param("5$", "5$", id="no reference"),
    pytest.param("${UNSET:-a}b}", "ab}", id="brace behind"),
]


@pytest.mark.parametrize(("text", "result"), TEXTS)
def test_interpolation(text: str, result: str) -> None:
    assert interpolate(text, VALUES) == result


REFUSED = [
    pytest.param("${UNSET:?choose one}", "variable 'UNSET' is not set: choose one", id="required"),
    pytest.param("${EMPTY:?}", "variable 'EMPTY' is not set: the Compose file needs it", id="required, empty"),
    pytest.param("app:${SET", "'${SET' holds a '${' that no '}' closes", id="unclosed"),
    pytest.param("app:${-x}", "'${-x}' holds '${' without a variable's name: write '$${' for the text", id="no name"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        interpolate(text, VALUES)
    assert str(caught.value) == message
