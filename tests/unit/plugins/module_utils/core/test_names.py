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
    refuse_unfit_target,
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


@pytest.mark.parametrize("target", ["web_app", "App", "_a", "a__b", "my-app"])
def test_a_name_that_somebody_chose(target: str) -> None:
    assert service_name("shop", target, "web") == "web"


@pytest.mark.parametrize(
    ("project", "target", "chosen", "said"),
    [
        pytest.param("shop", "a.b", "web", r"^target 'a\.b' is no name that Swarm takes", id="dot in the target"),
        pytest.param("shop", "web_", "web", "^target 'web_' is no name that Swarm takes", id="underscore at the end"),
        pytest.param("shop", "a" * 64, "web", "is no name that Swarm takes", id="target too long"),
        pytest.param(
            "b" * 40, "a" * 17, "web", "make a Swarm service name of 64 characters: set project", id="too long"
        ),
        pytest.param("my_shop", "app", "web", "^project 'my_shop'", id="project"),
        pytest.param(
            "shop", "app", "w" * 58, "^service_name '.*' makes the name '.*-green' of 64", id="a colour's name"
        ),
        pytest.param("shop", "app", "web_app", "^service_name 'web_app' is not a valid DNS label", id="no DNS label"),
        pytest.param(
            "shop", "app", "web-green", "^service_name 'web-green' ends like a colour of 'web'", id="a colour"
        ),
    ],
)
def test_names_that_nobody_may_choose(project: str, target: str, chosen: str, said: str) -> None:
    with pytest.raises(DeliveryError, match=said):
        service_name(project, target, chosen)


@pytest.mark.parametrize(
    ("target", "project", "way"),
    [
        pytest.param("web_app", "shop", "'shop-web-app'", id="underscore"),
        pytest.param("web_app", None, "'web-app'", id="project not known yet"),
        pytest.param("web_app", "my_shop", "'web-app'", id="project that is no name either"),
        pytest.param("_Web__App", None, "'web-app'", id="capitals and more"),
    ],
)
def test_the_way_out_leaves_the_compose_service_alone(target: str, project: str | None, way: str) -> None:
    with pytest.raises(DeliveryError, match=f"set service_name to {way} or .* and the Compose service keeps its own"):
        refuse_unfit_target("target", target, project)
    assert service_name("s", target, way.strip("'")) == way.strip("'")


def test_the_way_out_leaves_room_for_a_colour() -> None:
    with pytest.raises(DeliveryError, match=f"set service_name to 'a-{'b' * 55}' or"):
        refuse_unfit_target("target", "a_" + "b" * 60)


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
