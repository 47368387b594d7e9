# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""release_files: foretold, done under the lock, and nothing left to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.archive import pack
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.snapshot import PLAN_PREFIX
from ansible_collections.dockerflow.delivery.plugins.modules import release_files, release_lock
from ansible_collections.dockerflow.delivery.tests.unit.fakes.world import World

from .conftest import Run

Bring = Callable[..., dict[str, Any]]
OLD = {"compose.yaml": b"image: app:1", ".env": b"PASSWORD=hunter2"}
NEW = {"compose.yaml": b"image: app:2", "app.env": b"PASSWORD=hunter3"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the projects are; directories for temporary files are beside it."""
    monkeypatch.setattr(release_files.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / "projects"


@pytest.fixture
def bring(run: Run, home: Path, tmp_path: Path) -> Bring:
    """Run the module as its action does, with these files in an archive."""

    def call(files: dict[str, bytes], check: bool = False, **options: Any) -> dict[str, Any]:
        with (tmp_path / "project.tar").open("wb") as archive:
            pack(files, archive)
        given = {"src": str(tmp_path / "project.tar"), "files": sorted(files), "dest": str(home)}
        return run(release_files, check, **given, **options)

    return call


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_foretold_then_done_then_there(bring: Bring, home: Path) -> None:
    bring(OLD)
    before = sorted(home.rglob("*"))
    foretold = bring(NEW, check=True)
    assert sorted(home.rglob("*")) == before
    assert tree(Path(foretold["directory"])) == NEW, "the plan of the release reads it"
    assert Path(foretold["directory"]).name.startswith(PLAN_PREFIX)
    done, again = bring(NEW), bring(NEW)
    assert [one["changed"] for one in (foretold, done, again)] == [True, True, False]
    for result in (foretold, done, again):
        assert result["project_directory"] == str(home / "books-ms")
    assert tree(home / "books-ms") == tree(Path(done["directory"])) == NEW
    assert again["directory"] == done["directory"]
    assert foretold["diff"] == done["diff"]
    assert done["diff"] == {"before": ".env\ncompose.yaml\n", "after": "app.env\ncompose.yaml (other content)\n"}
    assert again["diff"]["before"] == again["diff"]["after"]


def test_no_content_is_shown(bring: Bring) -> None:
    bring(OLD)
    assert "hunter" not in repr(bring(NEW))


def test_the_first_time_everything_is_new(bring: Bring) -> None:
    assert bring(OLD, check=True)["diff"] == bring(OLD)["diff"] == {"before": "", "after": ".env\ncompose.yaml\n"}


def test_it_holds_the_lock_and_hands_it_on(bring: Bring, run: Run, world: World) -> None:
    kept = bring(OLD, keep_run=True)
    assert kept["run"] in world.consul.sessions
    refused = bring(NEW)
    assert "another release of this target is in progress" in refused["msg"]
    assert "in stage 'deploy'" in refused["msg"]
    assert bring(NEW, run=kept["run"])["run"] is None
    assert world.consul.sessions == set()


def test_a_run_that_lost_the_lock_brings_nothing(bring: Bring, run: Run, home: Path) -> None:
    sleeper = run(release_lock)["run"]
    bring(OLD, take_over=True)
    lost = bring(NEW, run=sleeper)
    assert "no longer holds the lock" in lost["msg"]
    assert tree(home / "books-ms") == OLD


def test_what_is_no_archive_is_refused_before_the_lock_is_taken(run: Run, world: World, home: Path) -> None:
    refused = run(release_files, src="/nowhere", files=[], dest=str(home))
    assert refused["msg"].startswith("stage deploy: src '/nowhere' cannot be read")
    assert world.consul.written == []


def test_what_is_live_is_not_guessed_and_then_nothing_is_brought(bring: Bring, world: World, home: Path) -> None:
    world.colour("blue", 2)
    for check in (True, False):
        refused = bring(NEW, check=check)
        assert "correct consul_prefix" in refused["msg"]
    assert not home.exists()
