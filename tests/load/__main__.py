# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load on the command line: ``python -m tests.load --url http://127.0.0.1/api/v1/books --rate 300 --seconds 10``.

Half of the requests are POSTs over kept-alive connections, half are GETs with a connection each. The records go to
``--out``, one line of JSON each, while the load runs; the summary goes to standard output at the end. Exit code 0
when nothing was lost, 1 otherwise. SIGTERM and SIGINT end the load; requests on their way are waited for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from .generator import Generator, Kind, Target
from .report import Record, Report

FLUSH_INTERVAL = 0.1  # seconds; how old the result file may be while the load runs


def main() -> int:
    options = _parse(sys.argv[1:])
    _raise_file_limit()
    with options.out.open("w", encoding="utf-8") as out:
        asyncio.run(_run(options, out))
    report = Report.read(options.out)
    print(json.dumps(report.summary()))
    return 1 if report.lost or not report.total else 0


async def _run(options: argparse.Namespace, out: TextIO) -> None:
    def write(record: Record) -> None:
        out.write(record.to_line() + "\n")

    generator = Generator(
        _target(options),
        _kinds(options),
        options.rate,
        write,
        seconds=options.seconds,
        timeout=options.timeout,
        connections=options.connections,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, generator.stop)
    flushing = asyncio.create_task(_keep_flushed(out, generator))
    await generator.run()
    flushing.cancel()


async def _keep_flushed(out: TextIO, generator: Generator) -> None:
    """Also ends the load when whoever started it was killed: nobody else would."""
    parent = os.getppid()
    while True:
        await asyncio.sleep(FLUSH_INTERVAL)
        out.flush()
        if os.getppid() != parent:
            generator.stop()


def _target(options: argparse.Namespace) -> Target:
    url = urlsplit(options.url)
    if url.scheme != "http" or url.hostname is None:
        raise SystemExit(f"--url {options.url} is not an http:// address")
    return Target(url.hostname, url.port or 80, options.host or url.netloc, options.version_header)


def _kinds(options: argparse.Namespace) -> list[Kind]:
    path = urlsplit(options.url).path or "/"
    kinds = {
        "post": Kind("post", "POST", options.post_path or path, True, options.body.encode()),
        "get": Kind("get", "GET", options.get_path or path, False),
    }
    return [kinds[name] for name in options.kinds.split(",")]


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__.partition("\n")[0])
    parser.add_argument("--url", required=True, help="http://address[:port]/path")
    parser.add_argument("--rate", type=float, default=300, help="requests per second (default 300)")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--seconds", type=float, help="how long")
    length.add_argument("--until-signal", action="store_true", help="until SIGTERM or SIGINT")
    parser.add_argument("--out", type=Path, required=True, help="file for the records")
    parser.add_argument("--kinds", default="post,get", help="post (kept alive) and get (new connection), in turn")
    parser.add_argument("--post-path", help="path of the POSTs where it is not the path of --url")
    parser.add_argument("--get-path", help="path of the GETs where it is not the path of --url")
    parser.add_argument("--body", default="{}", help="body of the POSTs")
    parser.add_argument("--host", help="Host header where it is not that of --url")
    parser.add_argument("--version-header", default="X-Version", help="header that names the version which answered")
    parser.add_argument("--connections", type=int, default=16, help="kept-alive connections (default 16)")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for connect and answer (default 10)")
    return parser.parse_args(arguments)


def _raise_file_limit() -> None:
    """A stalled server makes every request hold a connection; running out of them would be counted as its fault."""
    _unused, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
