# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The programs of the image: C(agent); C(haproxy) writes its files and becomes HAProxy; C(render) only writes them."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from pathlib import Path

from ..core.errors import DeliveryError
from .composition import prepare_start, run_agent
from .proxy_settings import Settings

_SETTINGS = Path("/etc/docker-flow-proxy/proxy.json")


def main() -> int:
    """Exit code 0 after SIGTERM, 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="proxy_agent", description="HAProxy under the control of Consul")
    parser.add_argument("program", choices=["agent", "haproxy", "render"])
    parser.add_argument("--settings", type=Path, default=_SETTINGS, help=f"JSON file (default: {_SETTINGS})")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    try:
        settings = Settings.read(arguments.settings)
        if arguments.program == "agent":
            threading.stack_size(256 * 1024)  # one thread for each colour: keep them small
            run_agent(settings)
        else:
            driver = prepare_start(settings)
            if arguments.program == "haproxy":
                driver.become()
    except (DeliveryError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
