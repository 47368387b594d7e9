# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent import atomic_files as files


def test_written_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "f"
    assert files.write_if_changed(path, "x\n")
    inode = path.stat().st_ino
    assert not files.write_if_changed(path, "x\n")
    assert path.stat().st_ino == inode
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("step", ["fsync", "fdopen"])
def test_a_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "f"
    path.write_text("old")

    def fail(*_unused: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(DeliveryError, match="No space left"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_room_is_for_one_more_copy_of_everything_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_text("x" * 1000)
    asked: list[int] = []
    real = os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate", lambda file, at, size: (asked.append(size), real(file, at, size)))
    files.require_room(tmp_path)
    assert asked == [65536 + 1000]
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_a_full_disk_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_unused: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(files.DiskError, match="cannot be written on this proxy: No space left"):
        files.require_room(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    context = multiprocessing.get_context("fork")
    taken, done = context.Event(), context.Event()

    def hold() -> None:
        with files.locked(path):
            taken.set()
            done.wait(10)

    process = context.Process(target=hold)
    process.start()
    assert taken.wait(10)
    with pytest.raises(DeliveryError, match="is locked"), files.locked(path, timeout=0.05):
        pass
    done.set()
    process.join(10)
    with files.locked(path, timeout=5):
        pass
