# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Images: pinned before a deploy, so that every instance of a release runs the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..core.errors import DeliveryError
from ..ports.engine import Engine, ImageState


@dataclass(frozen=True, slots=True)
class PinnedImage:
    """C(reference) is what the engine is told, C(identity) the digest, or the id of an image that no registry has."""

    reference: str
    identity: str


def pin(engine: Engine, reference: str) -> PinnedImage:
    """Pin one image to its digest.

    An image that was built or loaded on this host has no digest of a registry: it keeps its tag, and its id is its
    identity. For any other the registry is asked, so that a moved tag is noticed; one that does not answer is an error,
    for what this host knows of the tag may be stale. What the registry does not have (any more) is released as this
    host has it. Raises DeliveryError when neither has it.
    """
    if "@" in reference:
        return PinnedImage(reference, reference.split("@", 1)[1])
    here = engine.image(reference)
    known = _local_digest(here, reference)
    if here is not None and known is None:
        return PinnedImage(reference, here.id)
    digest = engine.registry_digest(reference)
    if digest is None and here is not None:
        return PinnedImage(reference, here.id)
    if digest is None:
        raise DeliveryError(
            f"image '{reference}' was not found: it is neither on this manager nor did its registry have it: "
            f"build or push it, or correct the tag in the Compose file"
        )
    return PinnedImage(f"{_with_tag(reference)}@{digest}", digest)


def pin_all(engine: Engine, references: Iterable[str]) -> dict[str, PinnedImage]:
    """Pin each distinct image once, by its reference in the Compose file."""
    return {reference: pin(engine, reference) for reference in sorted(set(references))}


def _local_digest(image: ImageState | None, reference: str) -> str | None:
    repository = _repository(reference)
    for known in image.digests if image is not None else ():
        name, _at, digest = known.partition("@")
        if name in (repository, f"docker.io/{repository}", f"docker.io/library/{repository}"):
            return digest
    return None


def _repository(reference: str) -> str:
    head, slash, tail = reference.rpartition("/")
    return head + slash + tail.split(":", 1)[0]


def _with_tag(reference: str) -> str:
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"
