# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_driver import (
    HaproxyDriver,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_files import HaproxyFiles
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route
from ansible_collections.dockerflow.delivery.tests.unit.fakes.haproxy_cli import CliHaproxy, serving

# Refuses what has the word bad in it, as haproxy -c -f <file> does; the message has the names that were checked.
_PROGRAM = """\
#!/bin/sh
[ "$1 $2" = "-c -f" ] || exit 9
grep -q '^backend.*bad' "$3" || exit 0
echo "[NOTICE] (1) : haproxy version is 3.0.11" >&2
echo "[ALERT]    (1) : config : unknown keyword" >&2
exit 1
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With a program that checks configurations."""
    program = tmp_path / "haproxy"
    program.write_text(_PROGRAM)
    program.chmod(0o700)
    return dataclasses.replace(settings, haproxy=str(program))


@pytest.fixture
def files(settings: Settings) -> HaproxyFiles:
    return HaproxyFiles(settings.paths.directory)


@pytest.fixture
def haproxy_driver(settings: Settings) -> HaproxyDriver:
    return HaproxyDriver(settings)


@pytest.fixture
def haproxy(
    haproxy_driver: HaproxyDriver, files: HaproxyFiles, new_route: Callable[..., Route]
) -> Iterator[CliHaproxy]:
    """It runs with the route of books, users on blue, and no server."""
    haproxy_driver.write_start([new_route()], {})
    made = CliHaproxy(files)
    made.start_worker()
    with serving(made):
        yield made
