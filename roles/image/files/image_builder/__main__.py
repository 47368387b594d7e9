# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the images of this collection on this machine, those whose inputs changed and no others.

    build                          all of them
    build consul proxy             these, and what they are built on
    build dockerflow/proxy:1       this version of one
    build --check                  say what would be built
    build --inputs                 say what each would be built from, without a Docker engine
    build --bundle FILE            the builder and all it needs in one archive, for another machine
    build --wheels DIR             only fetch the Python packages for managed hosts that reach no index

Needs a Docker client with access to its engine, and no image registry. What an image was made from stands in its label
dockerflow.inputs; comparing that label is all that a run with nothing to do does.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .building import Options, build_all, list_inputs
from .bundle import make_bundle
from .catalog import CATALOG, Image, read_catalog
from .commands import BuildError
from .packages import fetch_wheels


def default_cache() -> Path:
    """Where downloads are kept between runs when no place is named."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "docker-flow"


@contextmanager
def one_at_a_time(cache: Path) -> Iterator[None]:
    """Two builds of one tag would leave the older result under it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "images.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image", nargs="*", help="names or tags; default all")
    parser.add_argument(
        "--catalog", type=Path, action="append", default=[], metavar="FILE", help="images beside those of role image"
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), metavar="DIR", help="where downloads are kept (%(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="build even what is up to date, with today's packages")
    parser.add_argument("--verbose", action="store_true", help="show the output of the builds")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="say what would be built, build nothing")
    only.add_argument("--inputs", action="store_true", help="list tags with the hash of what they are made of")
    only.add_argument("--bundle", type=Path, metavar="FILE", help="write the builder and its inputs into FILE")
    only.add_argument("--wheels", type=Path, metavar="DIR", help="put the Python packages into DIR and stop")
    return parser.parse_args()


def _work(images: dict[str, Image], options: argparse.Namespace) -> None:
    if options.inputs:
        list_inputs(images)
        return
    with one_at_a_time(options.cache):
        if options.wheels:
            shutil.copytree(fetch_wheels(options.cache), options.wheels, dirs_exist_ok=True)
        elif options.bundle:
            make_bundle(options.bundle, options.cache)
        else:
            chosen = Options(options.cache, options.check, options.fresh, options.verbose)
            build_all(images, options.image or list(images), chosen)


def main() -> int:
    """Do what the command line says; one sentence on standard error when that fails."""
    options = _arguments()
    try:
        images: dict[str, Image] = {}
        for catalog in (CATALOG, *options.catalog):
            images |= read_catalog(catalog)
        _work(images, options)
    except BuildError as error:
        print(f"{error.output}\nimage builder: {error}".lstrip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
