# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running modules against the fake world."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.module import connection
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(world: World, run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call C(run(module, check=False, option=value, …)) for target C(app) of C(books-ms), with deadlines of no time.

    In check mode it also makes sure that nothing was written, neither to Consul nor to the engine.
    """
    monkeypatch.setattr(connection, "connect_consul", lambda _parameters: (world.consul, world.consul))
    monkeypatch.setattr(connection, "SwarmEngine", lambda *_arguments: world.engine)

    def call(module: ModuleType, check: bool = False, **options: Any) -> dict[str, Any]:
        known: dict[str, Any] = module.ARGUMENTS
        defaults = {"project": "books-ms", "target": "app", "lock_wait": 0, "timeout": 0, "drain_timeout": 0}
        given = {name: value for name, value in defaults.items() if name in known} | options
        if check:
            given["_ansible_check_mode"] = True
        before = list(world.consul.written), list(world.engine.calls)
        result = run_module(module, given)
        if check:
            assert (world.consul.written, world.engine.calls) == before
        return result

    return call
