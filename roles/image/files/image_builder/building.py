# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what is out of date. An image says in a label what it was made from; most runs only compare that."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .catalog import Image, hashes_of, in_build_order
from .commands import BUILD_DEADLINE, QUERY_DEADLINE, run
from .packages import stage_python

LABEL = "dockerflow.inputs"


@dataclass(frozen=True, slots=True)
class Options:
    """How to build: C(check) builds nothing, C(fresh) builds even what is up to date."""

    cache: Path
    check: bool = False
    fresh: bool = False
    verbose: bool = False


def present_inputs() -> dict[str, str]:
    """The inputs label of every image of ours that the engine has, by tag."""
    listing = run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"--filter=label={LABEL}"],
        QUERY_DEADLINE,
        "asking the engine",
    )
    tags = [tag for tag in listing.split() if not tag.endswith("<none>")]
    if not tags:
        return {}
    labels = run(
        ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", *tags],
        QUERY_DEADLINE,
        "asking the engine",
    )
    return {tag: json.loads(line)[LABEL] for tag, line in zip(tags, labels.splitlines(), strict=True)}


def _build(image: Image, version: str, inputs: str, options: Options) -> None:
    """Make one image and tag it."""
    tag, label = image.tag(version), f"{LABEL}={inputs}"
    if not image.directory.joinpath("Dockerfile").exists():
        make = str(image.directory / "make")
        run([make, tag, version, label], BUILD_DEADLINE, f"making {tag}", options.verbose)
        return
    with tempfile.TemporaryDirectory(prefix="dockerflow-build-") as folder:
        context = Path(folder, "context")
        shutil.copytree(image.directory, context, ignore=shutil.ignore_patterns("__pycache__"))
        if image.python:
            stage_python(context / "python", options.cache)
        arguments = ["--force-rm", f"--tag={tag}", f"--label={label}", f"--build-arg=VERSION={version}"]
        if stage := image.stage(version):
            arguments.append(f"--target={stage}")
        if options.fresh:
            arguments.append("--no-cache")
        run(["docker", "build", *arguments, str(context)], BUILD_DEADLINE, f"building {tag}", options.verbose)


def build_all(images: Mapping[str, Image], wanted: Iterable[str], options: Options) -> None:
    """Build what is out of date; one line per image that was (or would be) built."""
    ordered = in_build_order(images, wanted)
    hashes = hashes_of(ordered)
    present = {} if options.fresh else present_inputs()
    built = 0
    for image, versions in ordered:
        for version in versions:
            if present.get(image.tag(version)) == hashes[image.name]:
                continue
            built += 1
            if options.check:
                print(f"would build {image.tag(version)}")
                continue
            started = time.monotonic()
            _build(image, version, hashes[image.name], options)
            print(f"built {image.tag(version)} in {time.monotonic() - started:.0f} s", flush=True)
    if built and not options.check:
        # What the new images replaced, unless a container still runs it.
        prune = ["docker", "image", "prune", "--force", f"--filter=label={LABEL}"]
        run(prune, QUERY_DEADLINE, "removing replaced images")
    if not built:
        print("all images are up to date")


def list_inputs(images: Mapping[str, Image]) -> None:
    """Print each tag with the inputs that it would be built from, without asking any engine."""
    ordered = in_build_order(images, images)
    hashes = hashes_of(ordered)
    for image, versions in ordered:
        for version in versions:
            print(image.tag(version), hashes[image.name])
