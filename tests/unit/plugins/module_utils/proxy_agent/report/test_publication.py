# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that a session holds: written, lost, taken over, taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, RegistryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.report.publication import Publication
from ansible_collections.dockerflow.delivery.tests.unit.fakes.consul import FakeConsul

KEY = "docker-flow/proxies/p1"


@pytest.fixture
def consul() -> FakeConsul:
    return FakeConsul()


@pytest.fixture
def publication(consul: FakeConsul) -> Publication:
    """With a session."""
    made = Publication(consul, KEY, 100)
    assert not made.renew()
    return made


def stands(consul: FakeConsul) -> dict[str, Any]:
    return dict(json.loads(consul.keys[KEY].value))


def test_every_document_has_a_higher_order(consul: FakeConsul, publication: Publication) -> None:
    assert publication.write({"a": 1})
    assert stands(consul) == {"a": 1, "order": 101}
    assert publication.write({"a": 1})
    assert stands(consul) == {"a": 1, "order": 102}


def test_a_session_is_extended_and_not_made_anew(consul: FakeConsul, publication: Publication) -> None:
    assert publication.renew()
    assert len(consul.sessions) == 1


def test_nothing_is_written_without_a_session(consul: FakeConsul) -> None:
    publication = Publication(consul, KEY, 100)
    assert not publication.held
    assert not publication.write({"a": 1})
    assert consul.written == []


def test_a_session_that_expired_is_replaced(consul: FakeConsul, publication: Publication) -> None:
    consul.expire(next(iter(consul.sessions)))
    assert not publication.renew()
    assert publication.write({"a": 1})


def test_a_write_after_the_session_expired_is_an_error_and_the_next_session_writes_again(
    consul: FakeConsul, publication: Publication
) -> None:
    publication.write({"a": 1})
    held = consul.keys[KEY].session
    assert held is not None
    consul.expire(held)
    with pytest.raises(DeliveryError):
        publication.write({"a": 2})
    assert not publication.renew()
    assert publication.write({"a": 2})
    assert stands(consul)["a"] == 2


class Ending(FakeConsul):
    """The session ends while the key is asked for, so Consul says no instead of naming the session."""

    def acquire(self, key: str, value: str, session: str) -> bool:
        self.expire(session)
        return False


def test_a_session_that_ends_within_a_write_is_held_no_more() -> None:
    publication = Publication(Ending(), KEY, 100)
    publication.renew()
    with pytest.raises(DeliveryError, match="a new one is made"):
        publication.write({"a": 1})
    assert not publication.held


def test_a_key_that_the_agent_before_still_holds_is_taken_over(consul: FakeConsul, publication: Publication) -> None:
    previous = consul.create_session("before", 10, 0)
    consul.seed(KEY, "{}", previous)
    assert not publication.write({"a": 1})
    assert previous not in consul.sessions
    assert publication.write({"a": 1})
    assert stands(consul)["a"] == 1


def test_a_consul_without_an_answer_leaves_no_session_that_is_none(
    consul: FakeConsul, publication: Publication
) -> None:
    consul.expire(next(iter(consul.sessions)))
    consul.silent = True
    with pytest.raises(RegistryError):
        publication.renew()
    consul.silent = False
    assert not publication.renew()
    assert publication.held


@pytest.mark.parametrize("silent", [pytest.param(False, id="as usual"), pytest.param(True, id="Consul is away")])
def test_the_end_takes_it_back_where_it_can(consul: FakeConsul, publication: Publication, silent: bool) -> None:
    consul.silent = silent
    publication.end()
    assert bool(consul.sessions) is silent
