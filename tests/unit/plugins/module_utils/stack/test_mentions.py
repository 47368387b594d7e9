# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.mentions import warn_mentions
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
