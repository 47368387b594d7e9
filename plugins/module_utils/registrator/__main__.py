# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""C(python3 -m ….registrator): run the agent, see C(--help)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from ..consul.consul_catalog import ConsulCatalog
from ..consul.consul_client import CONSUL_IMPORT_ERROR, ConsulClient
from .comparison import LOG
from .docker_api import DOCKER_IMPORT_ERROR
from .registrator import Agent
from .registrator_settings import settings


def main(arguments: Sequence[str]) -> int:
    """Run once or until SIGTERM; returns the exit status."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname).1s %(message)s")
    given = settings(arguments)
    for error in (CONSUL_IMPORT_ERROR, DOCKER_IMPORT_ERROR):
        if error is not None:
            LOG.error("the Python packages docker and py-consul are needed: %s", error)
            return 1
    agent = Agent(given, lambda: ConsulCatalog(ConsulClient(given.connection())))
    if given.withdraw:
        return agent.withdraw()
    return agent.once() if given.once or given.dry_run else agent.run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
