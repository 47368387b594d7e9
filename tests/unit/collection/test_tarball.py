# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-galaxy packs: what git tracks, nothing that tools leave behind, all that roles and playbooks read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
GALAXY = Path(sys.executable).with_name("ansible-galaxy")
# What a running collection may read, by Ansible's rules for collections.
RUN_TIME = ("meta", "playbooks", "plugins", "roles")
# Only people who change the collection need these.
LEFT_OUT = (".ci/", ".github/", "bench/", "galaxy.yml")


def tracked() -> list[str]:
    """The files of the work tree that git tracks, or would with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return sorted(name for name in set(listed.stdout.splitlines()) if (ROOT / name).exists())


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in a tarball of a checkout in which every tool has left something."""
    folder = tmp_path_factory.mktemp("tarball")
    copy = folder / "checkout"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    for pattern in (ROOT / ".gitignore").read_text(encoding="utf-8").split():
        left = copy / pattern.rstrip("/").replace("*", "x")
        if pattern.endswith("/"):
            left.mkdir(parents=True, exist_ok=True)
            left /= "left-by-a-tool"
        left.write_text("", encoding="utf-8")
    for name in ("plugins/modules/__pycache__/x.pyc", "roles/image/files/image_builder/__pycache__/x.pyc", ".git"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("", encoding="utf-8")
    command = [GALAXY, "collection", "build", "--output-path", folder, copy]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (tarball,) = folder.glob("dockerflow-delivery-*.tar.gz")
    with tarfile.open(tarball) as tar:
        return {member.name for member in tar if member.isfile()}


def test_it_holds_what_git_tracks_and_nothing_else(packed: set[str]) -> None:
    wanted = {name for name in tracked() if not name.startswith(LEFT_OUT)}
    assert packed == wanted | {"MANIFEST.json", "FILES.json"}


@pytest.mark.parametrize(
    "name", ["roles/image/files/build", "roles/image/files/debian/make", "roles/docker/files/fetch-compose"]
)
def test_what_has_to_be_executable_is(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o100


def read_by_roles() -> list[tuple[Path, str]]:
    """The paths with a step up that roles and playbooks name, with the file that names them."""
    found = []
    for folder in ("roles", "playbooks"):
        for path in sorted((ROOT / folder).rglob("*.yml")):
            text = path.read_text(encoding="utf-8")
            found += [(path, match) for match in re.findall(r"(?:role_path|playbook_dir)[^\n]*?(/\.\.[\w./-]*)", text)]
    return found


def test_roles_and_playbooks_read_only_what_every_installed_collection_has() -> None:
    outside = []
    for path, step in read_by_roles():
        base = path.parents[1] if path.parent.name in ("tasks", "vars", "defaults") else path.parent
        reached = (base / step.lstrip("/")).resolve().relative_to(ROOT)
        if reached.parts[0] not in RUN_TIME:
            outside.append(f"{path.relative_to(ROOT)}: {step}")
    assert outside == []


def test_the_readme_names_only_files_that_are_packed(packed: set[str]) -> None:
    folders = {str(parent) for name in packed for parent in Path(name).parents}
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if link.rstrip("/") not in packed | folders] == []


def test_the_list_of_packages_is_that_of_the_requirements() -> None:
    pinned = re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    listed = re.findall(
        r"^([\w-]+)==([\w.]+)",
        (ROOT / "roles/docker/files/python-packages.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert set(pinned) <= set(listed)


def test_the_dependencies_agree() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    listed = yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert galaxy["dependencies"] == {entry["name"]: entry["version"] for entry in listed}
