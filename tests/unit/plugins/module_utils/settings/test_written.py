# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in YAML is kept as it stands, whatever YAML would make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.flow_file import read_flow_file
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.resolution import (
    refuse_lost_texts,
    resolve_settings,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.written import (
    Encrypted,
    as_written,
    parse_written,
    parse_written_json,
)

# Each is something else than a text to YAML 1.1, or no YAML 1.1 at all.
AMBIGUOUS = [
    *("NO", "no", "y", "On", "TRUE", "0123", "007", "1.10", "12:30", "22:22:22", "2024-02-03", "2024-02-30", "="),
    *("1e3", "1.5e+3", "0x1F", "0b11", "+2", "-1", "1_000", ".inf", ".NaN", "2024-02-03T01:02:03Z", "0.0", "-0", "08"),
]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_a_value_stays_the_text_that_it_is(text: str) -> None:
    document = f"a: {text}\nb: [{text}]\nc: {{A: {text}}}\n{text}: d\n"
    assert parse_written(document, "f") == {"a": text, "b": [text], "c": {"A": text}, text: "d"}


EVERYWHERE: list[Any] = [
    pytest.param("env", "{A: TEXT}", {"A": "TEXT"}, id="env"),
    pytest.param("env", "{TEXT: a}", {"TEXT": "a"}, id="name in env"),
    pytest.param("scale", "TEXT", "TEXT", id="scale"),
    pytest.param("preview_token", "TEXT-0123456789abcdef", "TEXT-0123456789abcdef", id="token"),
    pytest.param("compose_path", "TEXT", ["TEXT"], id="compose_path"),
    pytest.param("side_targets", "[db, TEXT]", ["db", "TEXT"], id="side_targets"),
    pytest.param("service_domain", "TEXT", ["TEXT"], id="service_domain"),
    pytest.param("profiles", "[TEXT]", ["TEXT"], id="profiles"),
    pytest.param("exclude_proxies", "[TEXT]", ["TEXT"], id="exclude_proxies"),
    pytest.param("test_tasks", "TEXT", "TEXT", id="test_tasks"),
    pytest.param("check_path", "/TEXT", "/TEXT", id="check_path"),
]


@pytest.mark.parametrize(("name", "written", "expected"), EVERYWHERE)
@pytest.mark.parametrize("text", ["NO", "0123", "1.10", "12:30", "2024-02-30", "1e3", "0x1F", "+2", "on"])
def test_a_setting_means_what_stands_in_the_file(
    tmp_path: Path, name: str, written: str, expected: Any, text: str
) -> None:
    (tmp_path / "docker-flow.yml").write_text(f"target: app\n{name}: {written.replace('TEXT', text)}\n")
    found = resolve_settings(file=read_flow_file(tmp_path))[name]
    assert found == yaml.load(str(expected).replace("TEXT", text), yaml.BaseLoader)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("target: 007", ("007", None, 300), id="target"),
        pytest.param("target: no\nproject: 0123", ("no", "0123", 300), id="project"),
        pytest.param("target: on\ntimeout: 0060", ("on", None, 60), id="a number is decimal"),
    ],
)
def test_names_and_numbers(tmp_path: Path, written: str, expected: tuple[Any, ...]) -> None:
    (tmp_path / "docker-flow.yml").write_text(written)
    settings = resolve_settings(file=read_flow_file(tmp_path))
    assert (settings["target"], settings["project"], settings["timeout"]) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param("", None, id="empty"),
        pytest.param("a:\nb: ~\nc: null", {"a": None, "b": None, "c": None}, id="nothing"),
        pytest.param("a: '~'\nb: \"null\"\nc: ''", {"a": "~", "b": "null", "c": ""}, id="quoted"),
        pytest.param("a: !!str 012\nb: !!int '3'\nc: !unsafe 1.0", {"a": "012", "b": "3", "c": "1.0"}, id="tags"),
        pytest.param("x: &x {a: 01}\ny: {<<: *x, b: 02}", None, id="merge"),
        pytest.param("a: |\n  1\n  2\n", {"a": "1\n2\n"}, id="block"),
        pytest.param("a: !vault x", {"a": Encrypted("x")}, id="encrypted"),
    ],
)
def test_what_is_no_scalar_text(document: str, expected: Any) -> None:
    found = parse_written(document, "f")
    assert found == (expected if "<<" not in document else {"x": {"a": "01"}, "y": {"a": "01", "b": "02"}})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param("a: [", "^'f' line 1 is not valid YAML: ", id="no YAML"),
        pytest.param("a: 1\n---\na: 2", "'f' line 2 is not valid YAML: but found another document", id="two documents"),
        pytest.param("a: 1\nb: 2\na: 3", "^'f' line 3 is not valid YAML: 'a' stands there twice", id="twice"),
        pytest.param("a: {NO: 1, NO: 2}", "'NO' stands there twice", id="twice below"),
        pytest.param("a: !secret x", "line 1 is not valid YAML: tag '!secret' means nothing here", id="tag"),
        pytest.param("a: !!binary x", "tag '!!binary' means nothing here, write the value itself", id="type"),
    ],
)
def test_what_is_refused(document: str, expected: str) -> None:
    with pytest.raises(DeliveryError, match=expected):
        parse_written(document, "f")


def test_the_same_name_in_what_is_merged_and_beside_it() -> None:
    assert parse_written("x: &x {a: 1}\ny: &y {<<: *x, a: 2}\nz: {<<: *y, a: 3}", "f")["z"] == {"a": "3"}


def test_json_as_written() -> None:
    assert parse_written_json('{"a": 1.10, "b": [2, true, null], "c": {"d": "x\\/y"}}') == {
        "a": "1.10",
        "b": ["2", "true", None],
        "c": {"d": "x/y"},
    }
    with pytest.raises(ValueError, match="Expecting"):
        parse_written_json("{a: 1}")


LOADED: list[Any] = [
    pytest.param(83, "0123", "0123", id="number"),
    pytest.param(False, "NO", "NO", id="flag"),
    pytest.param("{{ x }}", "{{ x }}", "{{ x }}", id="template"),
    pytest.param({False: 750, "B": "b"}, {"NO": "12:30", "B": "b"}, {"NO": "12:30", "B": "b"}, id="mapping"),
    pytest.param([1.1, "a"], ["1.10", "a"], ["1.10", "a"], id="list"),
    pytest.param([1.1], ["1.10", "a"], [1.1], id="another list"),
    pytest.param({"A": 1}, {"A": "1", "B": "2"}, {"A": 1}, id="another mapping"),
    pytest.param(83, None, 83, id="not known"),
    pytest.param(None, None, None, id="nothing"),
    pytest.param(83, {"a": "b"}, 83, id="something else"),
]


@pytest.mark.parametrize(("value", "written", "expected"), LOADED)
def test_what_yaml_changed_is_set_right(value: Any, written: Any, expected: Any) -> None:
    assert as_written(value, written) == expected


LOST: list[Any] = [
    pytest.param({"flow_scale": 2}, "flow_scale '2' is a number, which YAML made of what was written: put", id="scale"),
    pytest.param({"flow_scale": False}, "flow_scale 'false' is a flag, which YAML made", id="flag"),
    pytest.param({"service_domain": ["a", 1.1]}, "service_domain '1.1' is a number", id="in a list"),
    pytest.param({"flow_env": {"A": 83}}, "flow_env has no text for 'A' but a number, which YAML made", id="env"),
    pytest.param({"flow_env": {False: "a"}}, "flow_env has the name 'False', which YAML made of another", id="name"),
    pytest.param({"preview_token": 12345678}, "preview_token is a number, which", id="a secret is not shown"),
]


@pytest.mark.parametrize(("variables", "expected"), LOST)
def test_a_text_that_yaml_changed_in_the_inventory_is_refused(variables: dict[str, Any], expected: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        refuse_lost_texts(variables)
    assert str(caught.value).startswith(expected)
    assert str(caught.value).endswith("put it in quotes")


def test_what_is_no_text_may_be_none() -> None:
    refuse_lost_texts({"timeout": 5, "blue_green": True, "scale": "+2", "env": {"A": "0123"}, "service_path": ["/a"]})
