# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_adopt: foretold, done, nothing left to do, and every other stage works again."""

from __future__ import annotations

from ansible_collections.dockerflow.delivery.plugins.modules import proxy_reconfigure, release_adopt, release_stop
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import SERVICE, World

from .conftest import Run


def test_from_lost_to_adopted(world: World, run: Run) -> None:
    world.colour("blue", 2)
    world.route("blue")
    world.consul.keys.pop(f"docker-flow/routes/{SERVICE}")
    lost = run(release_stop, color="blue", drain_timeout=0)
    assert "proxy 'proxy-1' sends users of 'books-ms-app' to blue, but Consul has no route of it" in lost["msg"]
    assert "nothing is guessed: the route says nothing, proxy proxy-1 sends users to blue" in run(release_adopt)["msg"]
    options = {"live": "blue", "service_path": ["/api/v1/books"]}
    foretold = run(release_adopt, check=True, **options)
    done = run(release_adopt, **options)
    assert (foretold["changed"], foretold["diff"]) == (done["changed"], done["diff"]) == (True, done["diff"])
    assert done["found"] == {
        "route": None,
        "proxies": {"proxy-1": "blue", "proxy-2": "blue"},
        "running": {"blue": 2},
    }
    assert sorted(done["proxies"]) == ["proxy-1", "proxy-2"]
    assert run(release_adopt, **options)["changed"] is False
    assert run(proxy_reconfigure)["changed"] is False
