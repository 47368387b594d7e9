# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparisons with a Consul that refuses, is silent, forgets or holds what is not ours, and an engine that is away."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.comparison import Comparison
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.containers import Containers
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.docker_api import DockerApi
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.registrations import Node
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.stopping import Draining
from ansible_collections.dockerflow.delivery.tests.unit.fakes.docker_containers import FakeDocker
from ansible_collections.dockerflow.delivery.tests.unit.fakes.node_catalog import FakeCatalog
from ansible_collections.dockerflow.delivery.tests.unit.fakes.registrator_scene import FOREIGN, NOW, Comparisons


def test_consul_refuses_one_service_and_takes_the_others(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    bad, good = engine.run("bad"), engine.run("good")
    catalog.refused.add(f"node-1:bad:{engine.port(bad)}")
    for _time in range(2):
        outcome = run.run(set(), NOW)
        assert (outcome.ok, outcome.services, outcome.skipped) == (True, 2, 1)
    assert catalog.addresses("app") == {engine.port(good)}
    failures = [line for line in said() if "failed" in line]
    assert len(failures) == 1
    assert failures[0].startswith(
        f"+ node-1:bad:{engine.port(bad)} app 10.0.0.1:{engine.port(bad)} failed: Consul answ"
    )
    catalog.refused.clear()
    assert run.run(set(), NOW).skipped == 0
    assert catalog.addresses("app") == {engine.port(bad), engine.port(good)}


def test_consul_refuses_to_give_one_up(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    app, other = engine.run("app"), engine.run("other")
    run.run(set(), NOW)
    catalog.refused.add(f"node-1:app:{engine.port(app)}")
    engine.die(app)
    engine.die(other)
    outcome = run.run(set(), NOW)
    assert (outcome.ok, outcome.skipped) == (True, 1)
    assert list(catalog.services) == [f"node-1:app:{engine.port(app)}"]


def test_consul_is_away_for_a_while(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    dies, stays = engine.run("dies"), engine.run("stays")
    run.run(set(), NOW)
    said()
    catalog.silent = True
    engine.remove(dies)
    born = engine.run("born")
    for _time in range(3):
        outcome = run.run(set(), NOW)
        assert (outcome.ok, outcome.error) == (False, "consul_addresses: no Consul agent answered")
    assert said() == ["consul_addresses: no Consul agent answered"], "said once"
    catalog.silent = False
    assert run.run(set(), NOW).ok
    assert catalog.addresses("app") == {engine.port(stays), engine.port(born)}
    assert said()[-1] == "Docker and Consul answer again"
    run.run(set(), NOW)
    assert said() == []
    # After each failure it is reached anew: its token may have been replaced meanwhile.
    assert catalog.connections == 4


def test_consul_goes_away_in_the_middle(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    old = engine.run("old")
    run.run(set(), NOW)
    engine.remove(old)
    one, two = engine.run("one"), engine.run("two")
    catalog.silent_after = 2
    assert not run.run(set(), NOW).ok
    # What was to go is out before anything is added: a port may have gone from one container to the next.
    assert catalog.calls[1:] == [f"- node-1:old:{engine.port(old)}", f"+ node-1:one:{engine.port(one)}"]
    catalog.silent = False
    assert run.run(set(), NOW).ok
    assert catalog.calls[3:] == [f"+ node-1:two:{engine.port(two)}"]


def test_a_token_that_cannot_be_read_is_trouble_like_any_other(
    engine: FakeDocker, catalog: FakeCatalog, said: Callable[[], list[str]]
) -> None:
    app = engine.run("app")
    tokens = iter([DeliveryError("consul_token_file '/t' cannot be read: No such file or directory"), None])

    def connect() -> FakeCatalog:
        error = next(tokens)
        if error is not None:
            raise error
        return catalog.connect()

    node = Node("node-1", "10.0.0.1")
    comparison = Comparison(node, Containers(DockerApi("unix:///engine")), Draining(), connect, dry_run=False)
    assert comparison.run(set(), NOW).error == "consul_token_file '/t' cannot be read: No such file or directory"
    assert comparison.run(set(), NOW).ok
    assert catalog.addresses("app") == {engine.port(app)}


def test_consul_comes_back_empty(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    app = engine.run("app")
    run.run(set(), NOW)
    catalog.services.clear()
    run.run(set(), NOW)
    assert catalog.addresses("app") == {engine.port(app)}


def test_an_engine_that_does_not_answer_empties_nothing(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    app = engine.run("app")
    run.run(set(), NOW)
    engine.stop()
    outcome = run.run(set(), NOW)
    assert outcome.error is not None
    assert (outcome.ok, outcome.error[:34]) == (False, "docker_host 'unix:///engine' does ")
    assert catalog.addresses("app") == {engine.port(app)}
    engine.start()
    assert run.run(set(), NOW).ok
    assert "Docker and Consul answer again" in said()


def test_another_trouble_is_said_too(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    engine.stop()
    run.run(set(), NOW)
    engine.start()
    catalog.silent = True
    run.run(set(), NOW)
    assert [line.split(" ")[0] for line in said()] == ["docker_host", "consul_addresses:"]


def test_a_service_of_somebody_else_under_our_id_is_left_alone(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    taken, free = engine.run("taken"), engine.run("free")
    key = f"node-1:taken:{engine.port(taken)}"
    catalog.services[key] = dict(FOREIGN)
    for _time in range(2):
        outcome = run.run(set(), NOW)
        assert (outcome.ok, outcome.skipped) == (True, 1)
    assert catalog.services[key] == FOREIGN
    assert catalog.addresses("app") == {engine.port(free)}
    assert [line for line in said() if key in line] == [
        f"{key}: a service that is not ours has this id and is left alone"
    ]
    # It went away: the id is free.
    del catalog.services[key]
    assert run.run(set(), NOW).skipped == 0
    assert catalog.addresses("app") == {engine.port(taken), engine.port(free)}


def test_an_agent_without_memory_sends_nothing_again_and_clears_up(engine: FakeDocker, catalog: FakeCatalog) -> None:
    dies, stays = engine.run("dies"), engine.run("stays")
    catalog.services["vault"] = dict(FOREIGN)
    Comparisons(catalog).run(set(), NOW)
    before = len(catalog.calls)
    engine.remove(dies)
    Comparisons(catalog).run(set(), NOW)
    assert [call[:2] for call in catalog.calls[before:]] == ["- "]
    assert catalog.addresses("app") == {engine.port(stays)}
    assert catalog.services["vault"] == FOREIGN


def test_withdraw_without_consul_fails(
    engine: FakeDocker, catalog: FakeCatalog, run: Comparisons, said: Callable[[], list[str]]
) -> None:
    catalog.silent = True
    assert not run.withdraw()
    assert said() == ["consul_addresses: no Consul agent answered"]


def test_withdraw_fails_when_one_is_refused(engine: FakeDocker, catalog: FakeCatalog, run: Comparisons) -> None:
    one = engine.run("one")
    engine.run("two")
    run.run(set(), NOW)
    catalog.refused.add(f"node-1:one:{engine.port(one)}")
    assert not run.withdraw()
    assert catalog.addresses("app") == {engine.port(one)}
