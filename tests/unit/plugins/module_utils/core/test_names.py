# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names are allowed, and what parts of a release are called."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.names import (
    check_dns_label,
    is_dns_label,
    nearest,
    service_name,
)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        pytest.param("app", True, id="letters"),
        pytest.param("0app9", True, id="digits at the ends"),
        pytest.param("books-ms", True, id="inner hyphen"),
        pytest.param("a", True, id="one letter"),
        pytest.param("a" * 63, True, id="63 characters"),
        pytest.param("a" * 64, False, id="64 characters"),
        pytest.param("", False, id="empty"),
        pytest.param("-app", False, id="leading hyphen"),
        pytest.param("app-", False, id="trailing hyphen"),
        pytest.param("App", False, id="capital"),
        pytest.param("books_ms", False, id="underscore"),
        pytest.param("books.ms", False, id="dot"),
        pytest.param("bücher", False, id="umlaut"),
        pytest.param("app\n", False, id="newline"),
        pytest.param("a/b", False, id="slash: a key of its own in Consul"),
    ],
)
def test_dns_labels(name: str, allowed: bool) -> None:
    assert is_dns_label(name) is allowed


def test_a_bad_name_is_refused_with_its_option() -> None:
    with pytest.raises(DeliveryError, match=r"^target 'My_App' is not a valid DNS label: use lower-case letters"):
        check_dns_label("target", "My_App")


@pytest.mark.parametrize(
    ("project", "target", "said"),
    [
        pytest.param("Books", "app", "^project 'Books'", id="project"),
        pytest.param("books", "a_b", "^target 'a_b'", id="target"),
        pytest.param("b" * 40, "a" * 17, "64 characters: shorten one", id="together too long for the longer colour"),
    ],
)
def test_service_names_that_are_refused(project: str, target: str, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        service_name(project, target)


def test_the_longest_service_name() -> None:
    assert len(service_name("b" * 40, "a" * 16)) == 57


def test_names_of_one_release() -> None:
    assert service_name("books-ms", "app") == "books-ms-app"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("targt", " (did you mean 'target'?)", id="close"),
        pytest.param("zzz", "", id="far"),
    ],
)
def test_the_nearest_name_is_suggested(name: str, said: str) -> None:
    assert nearest(name, ["target", "project", "flow"]) == said
