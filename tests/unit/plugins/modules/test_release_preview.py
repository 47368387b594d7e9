# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_preview: predicted, done, and nothing left to do; the token is shown nowhere."""

from __future__ import annotations

import json

import pytest
from ansible_collections.dockerflow.delivery.plugins.modules import release_lock, release_preview
from ansible_collections.dockerflow.delivery.tests.unit.fakes.proxies import SILENT
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World, release_of

from .conftest import Run

TOKEN = "0123456789abcdef"


@pytest.fixture
def deployed(world: World) -> World:
    """Blue is live, green a healthy candidate."""
    world.colour("blue", 2, "v1")
    world.route("blue", hosts=("books.example",))
    world.colour("green", 2, "v2")
    world.record(live=release_of("blue", "v1"), candidate=release_of("green", "v2"))
    return world


def test_predicted_done_and_nothing_left(deployed: World, run: Run) -> None:
    predicted = run(release_preview, check=True, token=TOKEN)
    done = run(release_preview, token=TOKEN)
    again = run(release_preview, token=TOKEN)
    assert [one["changed"] for one in (predicted, done, again)] == [True, True, False]
    for name in ("color", "front_doors", "headers", "diff"):
        assert predicted[name] == done[name], name
    assert done["headers"] == {"Host": "books.example"}
    assert done["front_doors"] == ["http://192.0.2.1:80", "http://192.0.2.2:80"]
    assert done["diff"] == {"before": {"preview": None}, "after": {"preview": "green"}}
    route = deployed.route_now()
    assert (route.split.live, route.preview.color if route.preview else None) == ("blue", "green")
    assert TOKEN not in json.dumps([predicted, done, again, deployed.consul.written], default=str)


def test_a_proxy_that_does_not_confirm_takes_it_back(deployed: World, run: Run) -> None:
    deployed.proxies["proxy-2"].behaviour = SILENT
    deployed.proxies.publish()
    started = run(release_lock)["run"]
    failed = run(release_preview, token=TOKEN, timeout=0, run=started, keep_run=True)
    assert failed["failed"]
    assert deployed.consul.sessions == {started}, "whoever called it clears up under the same lock"
    assert failed["msg"].startswith("stage test: proxies that did not confirm")
    assert deployed.route_now().preview is None


def test_a_short_token_is_refused_first(deployed: World, run: Run) -> None:
    deployed.consul.silent = True
    assert "16 or more" in run(release_preview, token="guess")["msg"]
