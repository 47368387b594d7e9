# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: the tarball is enough. It provisions, builds its images, releases and goes back, with no checkout in reach.

Time budget: 180 s.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.installed_collection import InstalledCollection
from ansible_collections.dockerflow.delivery.tests.integration.playbook import ROOT
from ansible_collections.dockerflow.delivery.tests.integration.project import Project, World

STORY_TAGS = ("dockerflow/registrator:story-controller", "dockerflow/registrator:story-host")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> InstalledCollection:
    return InstalledCollection(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def story_tags() -> Iterator[None]:
    """Images of a story's own, gone before and after it."""
    remove_story_tags()
    yield
    remove_story_tags()


def remove_story_tags() -> None:
    subprocess.run(["docker", "image", "rm", "--force", *STORY_TAGS], capture_output=True, timeout=60, check=False)


def has_image(tag: str) -> bool:
    found = subprocess.run(["docker", "image", "inspect", tag], capture_output=True, timeout=60, check=False)
    return found.returncode == 0


def test_the_checkout_is_hidden_from_it(installed: InstalledCollection, tmp_path: Path) -> None:
    seen = installed.run(["sh", "-c", f"ls -A {ROOT} && ls {ROOT}/.venv/bin/ansible-playbook"], tmp_path)
    assert seen.output.splitlines()[1:] == [".venv", f"{ROOT}/.venv/bin/ansible-playbook"], seen.output
    assert (ROOT / "README.md").exists(), "the mount must not reach this process"


def test_it_provisions_this_machine(installed: InstalledCollection, world: World, tmp_path: Path) -> None:
    for options in (("--check",), ()):  # a look first, because all other stories use what this would change
        result = installed.playbook("provision", tmp_path, *options)
        assert result.rc == 0, result.output
        assert result.changed == 0, f"the checkout's playbook has provisioned it already:\n{result.output}"


def test_it_releases_a_project_and_goes_back(
    installed: InstalledCollection, new_project: Callable[..., Project]
) -> None:
    shop = new_project("installed", lean=True)
    for version in ("1", "2"):
        result = installed.playbook("deploy", shop.folder, "--extra-vars", "target=app", BOOKS_MS_VERSION=version)
        assert result.rc == 0, result.output
        assert shop.get().version == version
    again = installed.playbook("deploy", shop.folder, "--extra-vars", "target=app", BOOKS_MS_VERSION="2")
    assert (again.rc, again.changed) == (0, 0), again.output
    back = installed.playbook("rollback", shop.folder, "--extra-vars", "target=app")
    assert back.rc == 0, back.output
    assert shop.get().version == "1"
    stopped = installed.playbook("stop_old", shop.folder, "--extra-vars", "target=app")
    assert stopped.rc == 0, stopped.output
    assert shop.get().version == "1"
    status = installed.playbook("status", shop.folder, "--extra-vars", "target=app")
    assert status.rc == 0, status.output
    assert "installed-app" in status.output


@pytest.mark.parametrize("place", ["controller", "host"])
def test_it_builds_an_image_that_is_nowhere(
    installed: InstalledCollection, story_tags: None, tmp_path: Path, place: str
) -> None:
    """A version that only this copy of the collection knows, so no image that others use is touched."""
    tag = f"dockerflow/registrator:story-{place}"
    catalog = installed.root / "roles/image/files/images.toml"
    kept = catalog.read_text(encoding="utf-8")
    versions = ["1", f"story-{place}"]
    catalog.write_text(
        kept.replace('[registrator]\nversions = ["1"]', f"[registrator]\nversions = {json.dumps(versions)}")
    )
    bring = tmp_path / "bring.yml"
    bring.write_text(
        f"""
- hosts: managers
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {{name: dockerflow.delivery.image}}
      vars: {{image_names: ["{tag}"], image_build_on: {place}, image_directory: "{tmp_path}/archives"}}
""",
        encoding="utf-8",
    )
    try:
        preview = installed.own_playbook(bring, "--check")
        assert preview.rc == 0, preview.output
        assert f"would build {tag}" in preview.output
        assert not has_image(tag)

        result = installed.own_playbook(bring)
        assert result.rc == 0, result.output
        assert result.changed >= 1
        assert has_image(tag)
        assert not (tmp_path / "archives").exists(), "nothing is left of the builder"

        again = installed.own_playbook(bring)
        assert (again.rc, again.changed) == (0, 0), again.output
    finally:
        catalog.write_text(kept, encoding="utf-8")


def test_an_image_that_nobody_can_make_is_refused(installed: InstalledCollection, tmp_path: Path) -> None:
    bring = tmp_path / "bring.yml"
    bring.write_text(
        """
- hosts: managers
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: dockerflow.delivery.image}
      vars: {image_names: ["dockerflow/no-such:1"]}
""",
        encoding="utf-8",
    )
    result = installed.own_playbook(bring)
    assert result.rc == 2
    assert "dockerflow/no-such:1 is neither on local nor on the controller" in result.output.replace("\n", " ")
