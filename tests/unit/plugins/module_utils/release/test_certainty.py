# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where store, proxies and engine do not know of one another, nothing is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import Acknowledgement, Proxy
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.certainty import refuse_to_guess, unknown
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import NOW, SERVICE, World, release_of

EMPTY = ReleaseRecord("books-ms", "app")
BEGUN = EMPTY.entered("run-1", "ann", "deploy", NOW)


def truth(live: str | None = None, says: str | None = None, proxies: int = 1, **running: int) -> Truth:
    """The live colour by the route, what the proxies say they serve, how many there are, what runs."""
    route = Route(SERVICE, 4, ("/",), Split(live), instances=running) if live else None
    answer = {SERVICE: Acknowledgement(4, None, says, {})} if says else {}
    fleet = {f"p{n}": Proxy(f"p{n}", "http://192.0.2.1", True, 1, (), answer) for n in range(proxies)}
    return Truth(route, 7 if route else 0, fleet, {}, running, SERVICE)


def reported(found: Truth, *answers: tuple[str, int]) -> Truth:
    """The same with one proxy for each of these: the colour that it sends users to, and by which revision."""
    fleet = {
        f"p{n}": Proxy(f"p{n}", "http://192.0.2.1", True, 1, (), {SERVICE: Acknowledgement(revision, None, live, {})})
        for n, (live, revision) in enumerate(answers)
    }
    return replace(found, fleet=fleet)


def recorded(**changes: Any) -> ReleaseRecord:
    return ReleaseRecord("books-ms", "app", **changes)


@pytest.mark.parametrize(
    ("found", "record", "said"),
    [
        pytest.param(truth(), EMPTY, None, id="never released"),
        pytest.param(truth(proxies=0), EMPTY, None, id="never released, and no proxy yet"),
        pytest.param(truth(blue=0), EMPTY, None, id="a definition without instances"),
        pytest.param(truth("blue", "blue", blue=2), recorded(live=release_of("blue")), None, id="live, and all agree"),
        pytest.param(truth("blue", "blue", blue=2), EMPTY, None, id="only the record is lost: it is a copy"),
        pytest.param(truth(blue=1), recorded(candidate=release_of("blue")), None, id="a first candidate"),
        pytest.param(
            truth(proxies=0, blue=1), recorded(candidate=release_of("blue")), None, id="the same without proxy"
        ),
        pytest.param(truth(blue=1), BEGUN, None, id="a first run that was killed"),
        pytest.param(truth(blue=1), recorded(live=release_of("blue")), None, id="taken off the proxies"),
        pytest.param(truth(blue=2), EMPTY, "colour blue of 'books-ms-app' runs, but Consul has", id="wrong prefix"),
        pytest.param(truth(blue=2, green=1), EMPTY, "colour blue and green of", id="wrong prefix, both run"),
        pytest.param(truth(proxies=0, blue=2), EMPTY, "colour blue of", id="foreign Consul without proxies"),
        pytest.param(
            truth(None, "blue", blue=2),
            EMPTY,
            "proxy 'p0' sends users of 'books-ms-app' to blue, but Consul has no route of it",
            id="wiped",
        ),
        pytest.param(truth(None, "blue"), EMPTY, "proxy 'p0' sends users", id="wiped, and nothing runs"),
        pytest.param(
            truth("blue", blue=2, proxies=0), recorded(live=release_of("blue")), "no proxy counts", id="no proxy left"
        ),
        pytest.param(truth("blue", proxies=0), recorded(live=release_of("blue")), None, id="no proxy, nothing runs"),
        pytest.param(
            truth(blue=2, proxies=0),
            recorded(live=release_of("blue")),
            "no proxy counts",
            id="route and proxies lost",
        ),
        pytest.param(
            reported(truth("blue", blue=2), ("green", 9), ("green", 9)),
            recorded(live=release_of("blue")),
            "every proxy sends users of 'books-ms-app' to green by a newer revision than Consul's, which says blue",
            id="an old backup",
        ),
        pytest.param(
            reported(truth("blue", blue=2), ("green", 9), ("blue", 4)),
            recorded(live=release_of("blue")),
            None,
            id="one proxy was away",
        ),
        pytest.param(
            reported(truth("blue", blue=2), ("blue", 9)),
            recorded(live=release_of("blue")),
            None,
            id="an old backup that says the same",
        ),
    ],
)
def test_what_is_unknown(found: Truth, record: ReleaseRecord, said: str | None) -> None:
    sentence = unknown(found, record)
    assert sentence is None if said is None else said in (sentence or "")


def test_the_sentence_names_the_ways_out(world: World) -> None:
    with pytest.raises(DeliveryError) as raised:
        refuse_to_guess(world.release, truth(blue=2), EMPTY)
    for way in (
        "consul_prefix ('docker-flow/')",
        "restore Consul",
        "playbooks/adopt.yml -e target=app -e live=<colour>",
    ):
        assert way in str(raised.value)
