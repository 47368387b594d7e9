# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SERVICE_* in environment and labels means."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.service_options import ContainerOptions


@pytest.mark.parametrize(
    ("environment", "labels", "expected"),
    [
        pytest.param(None, None, {"name": None, "ignore": False, "drain": True}, id="null environment and labels"),
        pytest.param(["SERVICE_NAME=books"], {}, {"name": "books", "name_is_for_port": False}, id="name"),
        pytest.param(["SERVICE_NAME=env"], {"SERVICE_NAME": "label"}, {"name": "label"}, id="labels win"),
        pytest.param(["SERVICE_NAME="], {}, {"name": None}, id="an empty name is none"),
        pytest.param(["SERVICE_NAME"], {}, {"name": None}, id="a variable without a value"),
        pytest.param(["SERVICE_NAME=a=b"], {}, {"name": "a=b"}, id="only the first equals sign divides"),
        pytest.param(
            ["SERVICE_NAME=a", "SERVICE_8080_NAME=b"], {}, {"name": "b", "name_is_for_port": True}, id="port wins"
        ),
        pytest.param(["SERVICE_8080_NAME=b", "SERVICE_8080_TCP_NAME=c"], {}, {"name": "c"}, id="port and protocol win"),
        pytest.param(["SERVICE_8080_UDP_NAME=c"], {}, {"name": None}, id="the other protocol"),
        pytest.param(["SERVICE_80_NAME=b"], {}, {"name": None}, id="another port"),
        pytest.param(
            ["SERVICE_TAGS=v1.2, a.b=true,,x\\,y,v1.2"], {}, {"tags": ("v1.2", "a.b=true", "x,y")}, id="tags unfiltered"
        ),
        pytest.param(["SERVICE_IGNORE=1"], {}, {"ignore": True}, id="ignore"),
        pytest.param(["SERVICE_IGNORE=false"], {}, {"ignore": False}, id="do not ignore"),
        pytest.param(["SERVICE_DRAIN=false"], {}, {"drain": False}, id="no drain"),
        pytest.param(["SERVICE_ID=x", "SERVICE_IP=10.0.0.9"], {}, {"id": "x", "address": "10.0.0.9"}, id="id and ip"),
        pytest.param(
            ["SERVICE_CHECK_HTTP=/health", "SERVICE_8080_CHECK_TCP=yes"],
            {},
            {"check": {"HTTP": "/health", "TCP": "yes"}, "given": ("CHECK_HTTP", "CHECK_TCP")},
            id="checks",
        ),
    ],
)
def test_options(environment: list[str] | None, labels: dict[str, str] | None, expected: dict[str, Any]) -> None:
    options = ContainerOptions(environment, labels).for_port(8080, "tcp")
    assert {key: getattr(options, key) for key in expected} == expected


META = [
    pytest.param({"SERVICE_PASSWORD_DB": "hunter2"}, (), {}, id="nobody asked"),
    pytest.param({"SERVICE_8080_PASSWORD": "hunter2", "SERVICE_8080_TCP_KEY": "hunter2"}, (), {}, id="per port"),
    pytest.param({"SERVICE_VERSION": "2", "SERVICE_PASSWORD": "hunter2"}, ("version",), {"version": "2"}, id="asked"),
    pytest.param({"SERVICE_Version": "2"}, ("version",), {"version": "2"}, id="whatever the case"),
    pytest.param({"SERVICE_VERSION": "1", "SERVICE_8080_VERSION": "2"}, ("version",), {"version": "2"}, id="port wins"),
    pytest.param({"SERVICE_80_VERSION": "2"}, ("version",), {}, id="another port"),
    pytest.param({"SERVICE_NAME_KEY": "hunter2", "SERVICE_ID_KEY": "hunter2"}, (), {}, id="beginning as a known key"),
    pytest.param({"SERVICE_": "hunter2", "SERVICE": "hunter2", "service_x": "hunter2"}, ("",), {}, id="no key"),
    pytest.param({"SERVICE_CHECK_TCP": "yes", "SERVICE_NAME": "a"}, ("check_tcp", "name"), {}, id="meant otherwise"),
]


@pytest.mark.parametrize("place", [pytest.param(0, id="environment or image"), pytest.param(1, id="label")])
@pytest.mark.parametrize(("given", "asked", "expected"), META)
def test_only_what_was_asked_for_is_meta(
    given: dict[str, str], asked: tuple[str, ...], expected: dict[str, str], place: int
) -> None:
    environment = [] if place else [f"{key}={value}" for key, value in given.items()]
    options = ContainerOptions(environment, given if place else {}, frozenset(asked)).for_port(8080, "tcp")
    assert options.meta == expected


def test_a_label_of_ours_is_meta_without_being_asked_for() -> None:
    labels = {"dockerflow.meta.Team": "books", "dockerflow.color": "blue"}
    options = ContainerOptions(["dockerflow.meta.x=hunter2"], labels).for_port(8080, "tcp")
    assert options.meta == {"Team": "books"}
