# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The two programs of the proxy image: C(agent), and C(haproxy), which renders by itself and becomes HAProxy."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from ..core.errors import DeliveryError
from .agent import Agent
from .proxy_settings import Settings
from .startup import render_files, run_haproxy

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
            _run_agent(settings)
        else:
            render_files(settings)
            if arguments.program == "haproxy":
                run_haproxy(settings)
    except (DeliveryError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


def _run_agent(settings: Settings) -> None:
    threading.stack_size(256 * 1024)  # one thread for each colour: keep them small
    agent = Agent(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()


if __name__ == "__main__":
    raise SystemExit(main())
