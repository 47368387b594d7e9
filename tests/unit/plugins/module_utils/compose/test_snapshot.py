# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's directory on a manager: exactly what was brought last, wherever a run was killed or overtaken."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose import snapshot
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError

OLD = {"compose.yaml": b"old", ".env": b"TAG=1", "conf/app/app.env": b"A=1"}
NEW = {"compose.yaml": b"new", "conf/db.env": b"B=1"}


def allowed() -> None:
    """The run still holds its lock."""


def bring(home: Path, files: snapshot.Files, target: str = "app") -> snapshot.Brought:
    return snapshot.bring(home, "shop", target, files, allowed)


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def snapshots(home: Path, target: str = "app") -> list[str]:
    return sorted(path.name for path in (home / ".shop" / target).iterdir())


def only(brought: snapshot.Brought) -> list[str]:
    return sorted([brought.directory.name, f"{brought.directory.name}.json"])


def test_what_the_controller_has_is_there_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "projects"
    first = bring(home, OLD)
    assert (tree(home / "shop"), tree(first.directory), first.before) == (OLD, OLD, None)
    second = bring(home, NEW)
    assert (tree(home / "shop"), tree(second.directory), second.before) == (NEW, NEW, OLD)
    assert snapshots(home) == only(second)
    assert not (home / "shop/conf/app").exists()


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    bring(tmp_path / "projects", OLD)
    found = [tmp_path / "projects", *(tmp_path / "projects").rglob("*"), *(tmp_path / "projects/shop/").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}


def test_a_second_time_nothing_is_made(tmp_path: Path) -> None:
    first, second = bring(tmp_path, OLD), bring(tmp_path, OLD)
    assert (second.directory, second.before) == (first.directory, OLD)


DRIFTS: list[Any] = [
    pytest.param(lambda shop: (shop / ".env").unlink(), id="a file is gone"),
    pytest.param(lambda shop: (shop / ".env").write_bytes(b"TAG=9"), id="a file was changed"),
    pytest.param(lambda shop: (shop / "override.env").write_bytes(b"TAG=9"), id="a file was added"),
    pytest.param(lambda shop: (shop / "conf/x.env").write_bytes(b"TAG=9"), id="a file was added in a directory of it"),
    pytest.param(lambda shop: (shop / "x.env").symlink_to("/etc/passwd"), id="a link was added"),
    pytest.param(lambda shop: shutil.rmtree(shop.resolve()), id="all of it is gone"),
    pytest.param(lambda shop: shop.unlink(), id="the link is gone"),
]


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_somebody_changed_there_is_put_right(tmp_path: Path, drift: Callable[[Path], None]) -> None:
    bring(tmp_path, OLD)
    drift(tmp_path / "shop")
    brought = bring(tmp_path, OLD)
    assert brought.before != OLD
    assert tree(tmp_path / "shop") == OLD
    assert snapshots(tmp_path) == only(brought)


def test_what_an_earlier_version_left_file_by_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "shop/data/pg").mkdir(parents=True)
    (tmp_path / "shop/.env").write_bytes(b"TAG=1")
    (tmp_path / "shop/data/pg/table").write_bytes(b"rows")
    brought = bring(tmp_path, NEW)
    assert brought.before == {".env": b"TAG=1"}
    assert tree(tmp_path / "shop") == {**NEW, "data/pg/table": b"rows"}
    assert snapshots(tmp_path) == only(brought)


def test_a_directory_that_a_container_mounts_stays_at_its_path(tmp_path: Path) -> None:
    bring(tmp_path, OLD)
    for path in ("data", "conf/generated"):
        (tmp_path / "shop" / path).mkdir()
        (tmp_path / "shop" / path / "rows").write_bytes(b"rows")
    mounted = os.open(tmp_path / "shop/data", os.O_RDONLY)
    try:
        bring(tmp_path, NEW)
        assert os.listdir(mounted) == ["rows"]  # noqa: PTH208 - an open directory has no path
        assert os.fstat(mounted).st_ino == (tmp_path / "shop/data").stat().st_ino
    finally:
        os.close(mounted)
    assert tree(tmp_path / "shop") == {**NEW, "data/rows": b"rows", "conf/generated/rows": b"rows"}
    again = bring(tmp_path, NEW)
    assert again.before == NEW, "what was not brought is no difference"


def test_data_for_which_there_is_no_place_any_more_is_kept(tmp_path: Path) -> None:
    bring(tmp_path, OLD)
    (tmp_path / "shop/data").mkdir()
    (tmp_path / "shop/data/rows").write_bytes(b"rows")
    files = {**NEW, "data": b"now a file"}
    bring(tmp_path, files)
    assert tree(tmp_path / "shop") == files
    assert [path.read_bytes() for path in (tmp_path / ".shop").rglob("data/rows")] == [b"rows"]


def test_two_targets_of_a_project_do_not_disturb_each_other(tmp_path: Path) -> None:
    app = bring(tmp_path, OLD)
    admin = bring(tmp_path, NEW, "admin")
    assert tree(app.directory) == OLD, "the release of app still reads it"
    assert tree(tmp_path / "shop") == NEW
    (tmp_path / "shop/data").mkdir()
    bring(tmp_path, OLD)
    assert (tree(admin.directory), (tmp_path / "shop/data").is_dir()) == (NEW, True)
    assert bring(tmp_path, NEW, "admin").directory == admin.directory


def test_a_run_that_lost_its_lock_changes_nothing(tmp_path: Path) -> None:
    winner = bring(tmp_path, NEW)

    def refuse() -> None:
        raise DeliveryError("run 'r1' no longer holds the lock of its target")

    with pytest.raises(DeliveryError, match="no longer holds the lock"):
        snapshot.bring(tmp_path, "shop", "app", OLD, refuse)
    assert tree(tmp_path / "shop") == tree(winner.directory) == NEW
    assert snapshots(tmp_path) != only(winner)
    bring(tmp_path, NEW)
    assert snapshots(tmp_path) == only(winner), "the next one clears up"


class KilledError(BaseException):
    """In place of SIGKILL."""


STEPS = [
    *((Path, name) for name in ("mkdir", "rename", "symlink_to", "unlink")),
    (os, "open"),
    (shutil, "rmtree"),
]


def test_killed_anywhere_it_is_the_old_or_the_new_and_the_next_run_ends_it(tmp_path: Path) -> None:
    reached = 0
    while killed(tmp_path / str(reached), reached):
        reached += 1
    assert reached > 15, "it was killed too seldom to show anything"


def killed(home: Path, at: int) -> bool:
    """Kill it before the step of that number; whether there was one."""
    bring(home, OLD)
    (home / "shop/data").mkdir()
    (home / "shop/data/rows").write_bytes(b"rows")
    steps = 0
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in STEPS:
            real = getattr(owner, name)

            def step(*arguments: Any, real: Any = real, **options: Any) -> Any:
                nonlocal steps
                if steps == at:
                    raise KilledError
                steps += 1
                return real(*arguments, **options)

            patch.setattr(owner, name, step)
        try:
            bring(home, NEW)
            return False
        except KilledError:
            pass
    files = {name: content for name, content in tree(home / "shop").items() if name != "data/rows"}
    assert files in (OLD, NEW)
    brought = bring(home, NEW)
    assert tree(home / "shop") == {**NEW, "data/rows": b"rows"}
    assert snapshots(home) == only(brought)
    assert sorted(path.name for path in (home / ".shop").iterdir()) == [".lock", "app"]
    return True


def test_a_project_that_another_process_switches_for_long_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(tmp_path, OLD)
    monkeypatch.setattr(snapshot, "_PATIENCE", 0.0)
    with (tmp_path / ".shop/.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DeliveryError, match="is locked by another run of the project"):
            bring(tmp_path, NEW)
    assert tree(tmp_path / "shop") == OLD


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeliveryError, match=r"file/shop' cannot be brought up to date: .*File exists"):
        bring(tmp_path / "file", OLD)


def test_a_plan_changes_nothing_and_what_killed_plans_left_goes_a_day_later(tmp_path: Path) -> None:
    home = tmp_path / "projects"
    bring(home, OLD)
    before = sorted(home.rglob("*"))
    young, old = (snapshot.write_plan(tmp_path, OLD) for _time in range(2))
    os.utime(old, (1, 1))
    assert snapshot.present(home, "shop", NEW) == OLD
    assert snapshot.present(home, "other", NEW) is None
    plan = snapshot.write_plan(tmp_path, NEW)
    assert tree(plan) == NEW
    assert (young.is_dir(), old.exists(), plan.stat().st_mode & 0o777) == (True, False, 0o700)
    assert sorted(home.rglob("*")) == before


def test_files_arrive_as_they_were_packed(tmp_path: Path) -> None:
    files = {**OLD, "geheimnisse/passwört.txt": bytes(range(256)), "empty": b""}
    with (tmp_path / "project.tar").open("wb") as archive:
        snapshot.pack(files, archive)
    assert snapshot.unpack(tmp_path / "project.tar") == files


def archive_of(kind: bytes, name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry, io.BytesIO(b""))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archive_of(tarfile.REGTYPE, "../x"), id="a path that leads out"),
        pytest.param(archive_of(tarfile.REGTYPE, "a/../../x"), id="a path that leads out later"),
        pytest.param(archive_of(tarfile.REGTYPE, "/etc/x"), id="an absolute path"),
        pytest.param(archive_of(tarfile.SYMTYPE, "x"), id="a link"),
        pytest.param(archive_of(tarfile.FIFOTYPE, "x"), id="a pipe"),
        pytest.param(b"compose.yaml", id="no archive"),
    ],
)
def test_an_archive_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(DeliveryError, match="src '"):
        snapshot.unpack(tmp_path / "x.tar")


def test_all_of_it_can_be_removed(tmp_path: Path) -> None:
    home = tmp_path / "projects"
    bring(home, OLD)
    bring(home, NEW, "web")
    assert (snapshot.is_there(home, "shop"), snapshot.data_of(home, "shop")) == (True, [])
    snapshot.discard(home, "shop")
    assert (snapshot.is_there(home, "shop"), list(home.iterdir())) == (False, [])
    snapshot.discard(home, "shop")


def test_what_a_container_mounts_is_data(tmp_path: Path) -> None:
    home = tmp_path / "projects"
    first, second = bring(home, OLD), bring(home, NEW, "web")
    (first.directory / "conf" / "uploads").mkdir()
    (second.directory / "data").mkdir()
    assert snapshot.data_of(home, "shop") == [first.directory / "conf" / "uploads", second.directory / "data"]


def test_a_link_that_leads_nowhere_is_something_too(tmp_path: Path) -> None:
    (tmp_path / "shop").symlink_to(".shop/app/5e88")
    assert snapshot.is_there(tmp_path, "shop")
    snapshot.discard(tmp_path, "shop")
    assert list(tmp_path.iterdir()) == []
