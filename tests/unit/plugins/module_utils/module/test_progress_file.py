# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says while it waits goes to a file, and never stops it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.progress_file import (
    PREFIX,
    progress_writer,
    remove_unused,
)


def test_progress_goes_to_its_file(tmp_path: Path) -> None:
    write = progress_writer(str(tmp_path / "progress"))
    write("one")
    write("two")
    assert (tmp_path / "progress").read_text(encoding="utf-8") == "one\ntwo\n"


@pytest.mark.parametrize("path", [None, "/none/progress"])
def test_progress_that_cannot_be_written_stops_nothing(path: str | None) -> None:
    progress_writer(path)("one")


def test_what_a_killed_module_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}1"
    left.write_text("waiting\n")  # its lock ended with its process
    others = tmp_path / f"{PREFIX}2"
    write_others = progress_writer(str(others))
    write_others("one")
    own = tmp_path / f"{PREFIX}3"
    progress_writer(str(own))("one")
    assert sorted(tmp_path.iterdir()) == [others, own], "somebody still writes the other one"
    write_others("two")
    assert others.read_text() == "one\ntwo\n"


def test_nothing_is_removed_for_a_file_of_the_user_s_own(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}1"
    left.touch()
    progress_writer(str(tmp_path / "mine"))("one")
    assert left.exists()


def test_only_files_of_that_name_are_removed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / f"{PREFIX}link"
    target.touch()
    link.symlink_to(target)
    (tmp_path / f"{PREFIX}directory").mkdir()
    os.mkfifo(tmp_path / f"{PREFIX}pipe")
    (tmp_path / "progress").touch()
    before = sorted(tmp_path.iterdir())
    remove_unused(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_files_of_others_are_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / f"{PREFIX}1"
    left.touch()
    monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
    remove_unused(tmp_path)
    assert left.exists()


def test_only_who_runs_the_release_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    progress_writer(str(path))("one")
    assert path.stat().st_mode & 0o777 == 0o600
