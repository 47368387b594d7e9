# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one question before a start: Consul may be starting too, be slow, or be away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import (
    DeliveryError,
    RegistryUnreachableError,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.catalog import Instance
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.first_answer import ask
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.policy.intent import Written
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul

NewRoute = Callable[..., Route]
PREFIX = "docker-flow/routes/"
ONE = Instance("1", "10.0.0.1", 1, "n", True, True, {}, ())


class Late(FakeConsul):
    """Answers from the moment C(answers_at) on; each list of instances takes C(slowness) seconds."""

    def __init__(self, answers_at: float = 0.0, slowness: float = 0.0) -> None:
        super().__init__()
        self.now = 0.0
        self._answers_at = answers_at
        self._slowness = slowness

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self) -> None:
        if self.now < self._answers_at:
            raise RegistryUnreachableError("no Consul agent answered")

    def instances(self, service: str, index: int = 0, wait: float = 0.0) -> tuple[int, list[Instance]]:
        self.now += self._slowness
        return super().instances(service, index, wait)

    def ask(self) -> tuple[Written, dict[str, list[Instance]]]:
        answer = ask(self, self, PREFIX, 10.0, lambda: self.now, self.sleep)
        return answer.written, {name: list(found) for name, found in answer.instances.items()}


@pytest.mark.parametrize("answers_at", [pytest.param(0.0, id="there"), pytest.param(8.9, id="it was starting too")])
def test_routes_and_the_instances_of_followed_colours(new_route: NewRoute, answers_at: float) -> None:
    consul = Late(answers_at)
    text = new_route(instances={"blue": 1}).to_json()
    consul.seed(f"{PREFIX}books", text)
    consul.seed(f"{PREFIX}damaged", "{")
    consul.services = {"books-blue": [ONE], "books-green": [ONE]}
    assert consul.ask() == (Written(12, {"books": text, "damaged": "{"}), {"books-blue": [ONE]})


def test_a_consul_that_stays_away_is_waited_for_no_longer_than_patience_lasts() -> None:
    consul = Late(answers_at=1000.0)
    with pytest.raises(DeliveryError, match="no Consul agent"):
        consul.ask()
    assert consul.now <= 10.0


def test_a_consul_that_is_too_slow_is_given_up(new_route: NewRoute) -> None:
    consul = Late(slowness=6.0)
    for name in ("a", "b", "c"):
        consul.seed(f"{PREFIX}{name}", new_route(name).to_json())
    with pytest.raises(DeliveryError, match="took more than 10 s"):
        consul.ask()
