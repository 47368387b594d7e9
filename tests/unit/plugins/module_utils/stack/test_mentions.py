# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.mentions import (
    NOBODY,
    Neighbours,
    warn_dependencies,
    warn_mentions,
    warn_names,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.warnings import Warnings

MENTIONS = [
    pytest.param({"depends_on": {"app": {}}}, ["depends_on"], id="depends_on"),
    pytest.param({"links": ["app:front"]}, ["links"], id="link"),
    pytest.param({"environment": {"FRONT": "http://app:8080/x"}}, ["environment.FRONT"], id="URL"),
    pytest.param({"environment": {"FRONT": "http://app/x"}}, ["environment.FRONT"], id="URL without port"),
    pytest.param({"environment": {"DSN": "amqp://user:pass@app"}}, ["environment.DSN"], id="user at"),
    pytest.param({"environment": {"APP_HOST": "app"}}, ["environment.APP_HOST"], id="host variable"),
    pytest.param({"environment": {"UPSTREAMS": "web,app"}}, ["environment.UPSTREAMS"], id="list of hosts"),
    pytest.param({"command": ["wait-for", "app:8080"]}, ["command"], id="command"),
    pytest.param({"entrypoint": ["run", "--to=app:80"]}, ["entrypoint"], id="entrypoint"),
    pytest.param({"healthcheck": {"test": ["CMD-SHELL", "curl http://app/"]}}, ["healthcheck.test"], id="health check"),
    pytest.param({"environment": {"USER": "app", "HOME": "/app", "F": "app.py"}}, [], id="other uses of the word"),
    pytest.param({"environment": {"A_HOST": "my-app", "B_HOST": "app-x", "C_HOST": "/app/x"}}, [], id="other names"),
    pytest.param({"environment": {"URL": "http://webapp:80/app/"}}, [], id="path of a URL"),
    pytest.param({"environment": {"A": "http://app.example.org/", "B": "x@app-2"}}, [], id="longer host names"),
    pytest.param({"command": ["python", "/app/app.py"], "environment": {"X_HOST": None}}, [], id="program"),
    pytest.param({}, [], id="nothing"),
]


@pytest.mark.parametrize(("service", "places"), MENTIONS)
def test_mentions(service: dict[str, object], places: list[str]) -> None:
    warnings = Warnings()
    warn_mentions("app", {"db": service}, warnings)
    assert [sentence.split(" names ")[0] for sentence in warnings.sentences] == [
        f"service 'db': {place}" for place in places
    ]


def test_what_to_call_instead_is_said() -> None:
    warnings = Warnings()
    warn_mentions("app", {"db": {"links": ["app"]}}, warnings)
    (sentence,) = warnings.sentences
    assert sentence.endswith(": call it through the proxy, its colours are app-blue and app-green")


API = {"environment": {"API_URL": "http://api:8080"}, "depends_on": {"api": {}}}
RUNNING = Neighbours(colored=frozenset({"api"}), names=frozenset({"api-blue"}))
NAMES = [
    pytest.param({"web": API}, RUNNING, ["web depends_on api", "web environment.API_URL api"], id="another target"),
    pytest.param({"web": API}, NOBODY, [], id="nobody knows of an api yet"),
    pytest.param({"web": API}, replace(RUNNING, names=frozenset({"api"})), [], id="something answers to it"),
    pytest.param(
        {"web": API | {"extra_hosts": ["api=192.0.2.1"]}}, RUNNING, [], id="the file gives the name an address"
    ),
    pytest.param(
        {"web": {}, "cache": API},
        RUNNING,
        ["cache depends_on api", "cache environment.API_URL api"],
        id="a side target calls it",
    ),
    pytest.param(
        {"web": {}},
        Neighbours(callers={"worker": {"command": ["wait-for", "web:80"]}, "web": {"command": ["wait-for", "web:80"]}}),
        ["worker command web"],
        id="what runs calls the target",
    ),
    pytest.param(
        {"web": {"networks": {"default": {"aliases": ["web"]}}}},
        Neighbours(callers={"worker": {"command": ["wait-for", "web:80"]}}),
        [],
        id="it answers by an alias",
    ),
    pytest.param(
        {"web": {"healthcheck": {"test": ["CMD", "curl", "http://web:80/"]}, "environment": {"SERVER_NAME": "web"}}},
        NOBODY,
        ["web healthcheck.test web"],
        id="it calls itself",
    ),
    pytest.param(
        {"web": {"healthcheck": {"test": ["CMD", "curl", "http://web:80/"]}, "hostname": "web"}},
        NOBODY,
        [],
        id="by its own host name",
    ),
    pytest.param(
        {"web": {"command": ["--to=shop_api:80"]}}, RUNNING, ["web command api"], id="the service's full name"
    ),
    pytest.param({"web": {"command": ["--to=tasks.api:80"]}}, RUNNING, ["web command api"], id="the name of its tasks"),
]


@pytest.mark.parametrize(("services", "neighbours", "expected"), NAMES)
def test_names_that_nothing_answers_to(
    services: dict[str, dict[str, Any]], neighbours: Neighbours, expected: list[str]
) -> None:
    warnings = Warnings()
    warn_names("shop", "web", "blue", services, neighbours, warnings)
    said = [re.match(r"service '(\S+)': (\S+) names '(\S+)', a name that nothing", one) for one in warnings.sentences]
    assert [" ".join(match.groups()) for match in said if match] == expected


def test_a_target_without_colours_answers() -> None:
    warnings = Warnings()
    services = {"web": {}, "db": {"links": ["web"]}}
    warn_names("shop", "web", None, services, NOBODY, warnings)
    assert warnings.sentences == []


def test_a_side_target_that_has_colours_itself() -> None:
    warnings = Warnings()
    warn_names("shop", "web", "blue", {"web": API, "api": {}}, RUNNING, warnings)
    (sentence,) = warnings.sentences
    assert sentence.startswith("side_targets names 'api', which is released blue-green itself: remove it there")


DEPENDENCIES = [
    pytest.param({"api": {}}, NOBODY, 1, id="it is not there"),
    pytest.param({"api": {"required": False}}, NOBODY, 0, id="it need not be there"),
    pytest.param({"api": {}}, RUNNING, 0, id="it has colours: another sentence says so"),
    pytest.param({"api": {}}, Neighbours(callers={"api": {}}), 0, id="it runs"),
    pytest.param({"db": {}}, NOBODY, 0, id="it is deployed with it"),
]


def test_dependencies_of_side_targets_count_too() -> None:
    warnings = Warnings()
    warn_dependencies({"web": {}, "db": {"depends_on": {"disk": {}}}}, NOBODY, warnings)
    assert [sentence.split(", which")[0] for sentence in warnings.sentences] == ["service 'db': it depends on 'disk'"]


@pytest.mark.parametrize(("depends_on", "neighbours", "count"), DEPENDENCIES)
def test_dependencies_that_are_not_there(depends_on: dict[str, Any], neighbours: Neighbours, count: int) -> None:
    warnings = Warnings()
    warn_dependencies({"web": {"depends_on": depends_on}, "db": {}}, neighbours, warnings)
    assert len(warnings.sentences) == count
    assert all("add it to side_targets, or release it first" in sentence for sentence in warnings.sentences)
