# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinning images: the same bytes on every node, and a moved tag is noticed."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError, EngineError
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.engine import ImageState
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.images import PinnedImage, pin, pin_all
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World


def here(*digests: str) -> ImageState:
    """An image that this host has."""
    return ImageState("sha256:id", digests)


@pytest.mark.parametrize(
    ("reference", "image", "of_registry", "expected"),
    [
        pytest.param("a@sha256:x", None, None, ("a@sha256:x", "sha256:x"), id="pinned in the file"),
        pytest.param("a:1@sha256:x", None, None, ("a:1@sha256:x", "sha256:x"), id="pinned in the file, with a tag"),
        pytest.param("a:1", here(), None, ("a:1", "sha256:id"), id="built here: its id is its identity"),
        pytest.param("a:1", here(), "sha256:r", ("a:1", "sha256:id"), id="built here: no registry is asked"),
        pytest.param("a:1", None, "sha256:r", ("a:1@sha256:r", "sha256:r"), id="only the registry has it"),
        pytest.param("a:1", here("a@sha256:old"), "sha256:r", ("a:1@sha256:r", "sha256:r"), id="the tag has moved"),
        pytest.param("a:1", here("a@sha256:k"), None, ("a:1", "sha256:id"), id="the registry has it no more"),
        pytest.param("a", None, "sha256:r", ("a:latest@sha256:r", "sha256:r"), id="no tag"),
        pytest.param("h:5000/a", None, "sha256:r", ("h:5000/a:latest@sha256:r", "sha256:r"), id="a port is no tag"),
        pytest.param(
            "h:5000/a:2", here("h:5000/a@sha256:o"), "sha256:k", ("h:5000/a:2@sha256:k", "sha256:k"), id="port and tag"
        ),
        pytest.param(
            "a:1",
            here("docker.io/library/a@sha256:o"),
            "sha256:k",
            ("a:1@sha256:k", "sha256:k"),
            id="the hub's long name",
        ),
        pytest.param(
            "a:1",
            here("mirror.example/a@sha256:k"),
            "sha256:r",
            ("a:1", "sha256:id"),
            id="tagged anew here: another name's digest",
        ),
    ],
)
def test_pin(
    world: World, reference: str, image: ImageState | None, of_registry: str | None, expected: tuple[str, str]
) -> None:
    if image is not None:
        world.engine.images[reference] = image
    if of_registry is not None:
        world.engine.digests[reference] = of_registry
    assert pin(world.release.engine, reference) == PinnedImage(*expected)


def test_an_image_that_nobody_has(world: World) -> None:
    with pytest.raises(DeliveryError, match=r"^image 'a:9' was not found: .*: build or push it, or correct the tag"):
        pin(world.release.engine, "a:9")


def test_each_image_is_pinned_once(world: World) -> None:
    asked: list[str] = []

    def inspect(reference: str) -> ImageState:
        asked.append(reference)
        return here()

    world.engine.image = inspect  # type: ignore[method-assign]
    assert sorted(pin_all(world.release.engine, ["b:1", "a:1", "b:1"])) == ["a:1", "b:1"]
    assert asked == ["a:1", "b:1"]


@pytest.mark.parametrize(
    "image", [pytest.param(None, id="nowhere"), pytest.param(here("a@sha256:k"), id="here, perhaps stale")]
)
def test_a_registry_that_does_not_answer_is_never_guessed_for(world: World, image: ImageState | None) -> None:
    if image is not None:
        world.engine.images["a:1"] = image
    world.engine.registry_problem = EngineError("the registry of image 'a:1' did not say …: toomanyrequests")
    with pytest.raises(EngineError, match="toomanyrequests"):
        pin(world.release.engine, "a:1")
