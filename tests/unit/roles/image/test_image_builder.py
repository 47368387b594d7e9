# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image builder: what it makes, in which order, of which files, and that it needs nothing but the collection."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.dockerflow.delivery.roles.image.files.image_builder import bundle
from ansible_collections.dockerflow.delivery.roles.image.files.image_builder.catalog import (
    CATALOG,
    Image,
    hashes_of,
    in_build_order,
    inputs_hash,
    read_catalog,
)
from ansible_collections.dockerflow.delivery.roles.image.files.image_builder.commands import BuildError, run

ROOT = Path(__file__).resolve().parents[4]


def tree(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def catalog(folder: Path, text: str) -> dict[str, Image]:
    tree(folder, {"images.toml": text})
    return read_catalog(folder / "images.toml")


@pytest.fixture
def family(tmp_path: Path) -> dict[str, Image]:
    """A ground image, two that are built on it, and one on its own."""
    tree(
        tmp_path,
        {
            "ground/make": "#!/bin/sh\n",
            "store/Dockerfile": "FROM dockerflow/ground:a AS package\nFROM dockerflow/ground:a\n",
            "door/Dockerfile": "FROM dockerflow/store:1\n",
            "alone/Dockerfile": "FROM scratch AS 1\nFROM scratch AS 2\nFROM scratch\n",
        },
    )
    return catalog(
        tmp_path,
        '[door]\nversions = ["1"]\n[store]\nversions = ["1", "2"]\n'
        '[ground]\nversions = ["a"]\n[alone]\nversions = ["1", "2", "3"]\n',
    )


@pytest.mark.parametrize(
    ("wanted", "ordered"),
    [
        pytest.param(["ground"], {"ground": ["a"]}, id="one"),
        pytest.param(["store"], {"ground": ["a"], "store": ["1", "2"]}, id="all_versions"),
        pytest.param(["dockerflow/store:2"], {"ground": ["a"], "store": ["2"]}, id="one_version"),
        pytest.param(["store:2"], {}, id="no_short_tag"),
        pytest.param(
            ["dockerflow/store:2", "store"], {"ground": ["a"], "store": ["2", "1"]}, id="a_version_and_then_all"
        ),
        pytest.param(["door"], {"ground": ["a"], "store": ["1", "2"], "door": ["1"]}, id="parents_first"),
        pytest.param(["alone", "ground"], {"alone": ["1", "2", "3"], "ground": ["a"]}, id="in_the_order_of_the_words"),
    ],
)
def test_parents_come_first(family: dict[str, Image], wanted: list[str], ordered: dict[str, list[str]]) -> None:
    if not ordered:
        with pytest.raises(BuildError, match="no image named"):
            in_build_order(family, wanted)
        return
    found = in_build_order(family, wanted)
    assert [(image.name, versions) for image, versions in found] == list(ordered.items())


@pytest.mark.parametrize("word", ["shop", "dockerflow/shop:1", "dockerflow/store:7", "dockerflow/store"])
def test_an_unknown_image_is_refused_with_those_that_are_known(family: dict[str, Image], word: str) -> None:
    with pytest.raises(BuildError, match=f"no image named '{word}'; the catalogue has: door, store, ground, alone"):
        in_build_order(family, [word])


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"images.toml: \[store\] has unknown keys: folder"):
        catalog(tmp_path, '[store]\nversions = ["1"]\nfolder = "x"\n')


@pytest.mark.parametrize(("version", "stage"), [("1", "1"), ("2", "2"), ("3", None)])
def test_a_version_may_have_a_stage_of_its_own(family: dict[str, Image], version: str, stage: str | None) -> None:
    assert family["alone"].stage(version) == stage


def test_a_change_of_an_image_changes_those_that_are_built_on_it(family: dict[str, Image]) -> None:
    ordered = in_build_order(family, family)
    before = hashes_of(ordered)
    with (family["store"].directory / "Dockerfile").open("a", encoding="utf-8") as file:
        file.write("RUN true\n")
    after = hashes_of(ordered)
    assert {name for name in before if before[name] != after[name]} == {"store", "door"}


def test_the_mode_of_a_file_is_an_input_and_compiled_python_is_none(family: dict[str, Image]) -> None:
    store = family["store"]
    before = inputs_hash(store, [])
    tree(store.directory, {"__pycache__/x.pyc": "x"})
    assert inputs_hash(store, []) == before
    (store.directory / "Dockerfile").chmod(0o755)
    assert inputs_hash(store, []) != before


def test_the_roles_get_their_images_from_the_catalogue_of_role_image() -> None:
    tags = {tag for image in read_catalog(CATALOG).values() for tag in image.tags}
    for role in ("consul", "registrator", "proxy"):
        defaults = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))
        assert defaults[f"{role}_image"] in tags


def test_no_image_is_described_twice() -> None:
    assert not set(read_catalog(CATALOG)) & set(read_catalog(ROOT / "images/images.toml"))
    found = [path for path in ROOT.glob("[!.]*/**/Dockerfile") if ".venv" not in path.parts]
    assert len({path.read_bytes() for path in found}) == len(found)


def build(collection: Path, *options: str) -> str:
    """What the builder of a collection prints, run where nothing of ours is."""
    command = [str(collection / "roles/image/files/build"), *options]
    environment = {"PATH": os.environ["PATH"], "DOCKER_FLOW_PYTHON": sys.executable, "HOME": "/nonexistent"}
    finished = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_a_bundle_holds_all_that_the_builder_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "cache/python-packages/abc"
    tree(wheels, {"some.whl": "w"})
    monkeypatch.setattr(bundle, "fetch_wheels", lambda cache: wheels)
    bundle.make_bundle(tmp_path / "bundle.tar.gz", tmp_path / "cache")
    with tarfile.open(tmp_path / "bundle.tar.gz") as tar:
        tar.extractall(tmp_path / "host")
    assert build(tmp_path / "host", "--inputs") == build(ROOT, "--inputs")
    assert (tmp_path / "host/cache/python-packages/abc/some.whl").exists()


def test_a_bundle_without_packages_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(cache: Path) -> Path:
        raise BuildError("no index answers")

    monkeypatch.setattr(bundle, "fetch_wheels", refuse)
    bundle.make_bundle(tmp_path / "bundle.tar.gz", tmp_path / "cache")
    assert "the host has to fetch the Python packages itself: no index answers" in capsys.readouterr().err
    with tarfile.open(tmp_path / "bundle.tar.gz") as tar:
        assert "roles/image/files/build" in tar.getnames()


def test_the_builder_writes_nothing_beside_itself() -> None:
    before = sorted((ROOT / "roles/image/files").rglob("*"))
    build(ROOT, "--inputs")
    assert sorted((ROOT / "roles/image/files").rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(["no-such-program"], "asking: no program 'no-such-program' on this machine", id="no_program"),
        pytest.param(["sh", "-c", "echo why; exit 3"], "asking failed with exit code 3", id="exit_code"),
    ],
)
def test_a_failed_command_is_one_sentence(command: list[str], message: str) -> None:
    with pytest.raises(BuildError) as error:
        run(command, 10, "asking")
    assert str(error.value) == message
