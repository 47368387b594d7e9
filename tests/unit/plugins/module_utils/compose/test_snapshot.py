# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's directory on a manager: exactly what was brought last, wherever a run was killed or overtaken."""

from __future__ import annotations

import fcntl
import os
import shutil
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
    return [brought.directory.name]


def test_what_the_controller_has_is_there_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "projects"
    first = bring(home, OLD)
    assert (tree(home / "shop"), tree(first.directory), first.before) == (OLD, OLD, None)
    second = bring(home, NEW)
    assert (tree(home / "shop"), tree(second.directory), second.before) == (NEW, NEW, OLD)
    assert snapshots(home) == only(second)


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
    pytest.param(lambda shop: ((shop / ".env").unlink(), (shop / ".env").symlink_to("/etc/passwd")), id="a link"),
    pytest.param(shutil.rmtree, id="all of it is gone"),
]


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_somebody_changed_there_is_put_right(tmp_path: Path, drift: Callable[[Path], None]) -> None:
    bring(tmp_path, OLD)
    drift(tmp_path / "shop")
    brought = bring(tmp_path, OLD)
    assert brought.before != OLD
    assert tree(tmp_path / "shop") == OLD
    assert snapshots(tmp_path) == only(brought)


def test_a_snapshot_that_somebody_changed_is_not_read(tmp_path: Path) -> None:
    first = bring(tmp_path, OLD)
    (first.directory / "override.env").write_bytes(b"TAG=9")
    assert tree(bring(tmp_path, OLD).directory) == OLD


def test_what_an_earlier_version_left_file_by_file_is_no_part_of_a_release(tmp_path: Path) -> None:
    (tmp_path / "shop/data/pg").mkdir(parents=True)
    (tmp_path / "shop/.env").write_bytes(b"TAG=1")
    (tmp_path / "shop/compose.yaml").write_bytes(b"older")
    brought = bring(tmp_path, NEW)
    assert brought.before == {"compose.yaml": b"older"}
    assert tree(brought.directory) == NEW
    assert tree(tmp_path / "shop") == {**NEW, ".env": b"TAG=1"}, "nobody knows who put it there"


def test_what_containers_put_there_stays_and_what_they_mount_they_go_on_seeing(tmp_path: Path) -> None:
    """Directories of their own, files beside brought ones, and single files; a second time, too."""
    bring(tmp_path, OLD)
    shop = tmp_path / "shop"
    (shop / "data").mkdir()
    data = {"data/rows": b"rows", "conf/app/state.json": b"{}", "app.db": b"db"}
    for name, content in data.items():
        (shop / name).write_bytes(content)
    mounted = os.open(shop / "conf/app", os.O_RDONLY)
    try:
        for files in (OLD, NEW, OLD, NEW):
            bring(tmp_path, files)
            assert tree(shop) == {**files, **data}
            assert "state.json" in os.listdir(mounted)  # noqa: PTH208 - an open directory has no path
    finally:
        os.close(mounted)
    assert bring(tmp_path, NEW).before == NEW, "what was not brought is no difference"
    assert sorted(snapshot.data_of(tmp_path, "shop")) == sorted(shop / name for name in ("app.db", "conf/app", "data"))


@pytest.mark.parametrize(
    ("made", "files"),
    [
        pytest.param(lambda shop: (shop / "data").mkdir(), {"data": b""}, id="a directory for a file"),
        pytest.param(lambda shop: (shop / "data").write_bytes(b"x"), {"data/x": b""}, id="a file for a directory"),
        pytest.param(lambda shop: (shop / "data").symlink_to("/etc"), {"data/x": b""}, id="a link for a directory"),
    ],
)
def test_what_is_in_the_way_is_refused_before_anything_changes(
    tmp_path: Path, made: Callable[[Path], None], files: dict[str, bytes]
) -> None:
    bring(tmp_path, OLD)
    made(tmp_path / "shop")
    before = tree(tmp_path / "shop")
    with pytest.raises(DeliveryError, match=r"data' is .*move it away"):
        bring(tmp_path, {**NEW, **files})
    assert tree(tmp_path / "shop") == before


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
    *((Path, name) for name in ("mkdir", "rename", "unlink")),
    (os, "open"),
    (shutil, "rmtree"),
]


def test_killed_anywhere_no_file_is_torn_no_data_lost_and_the_next_run_ends_it(tmp_path: Path) -> None:
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
    found = tree(home / "shop")
    assert found.pop("data/rows") == b"rows"
    for name, content in found.items():
        assert content in (OLD.get(name), NEW.get(name)), name
    brought = bring(home, NEW)
    assert tree(home / "shop") == {**NEW, "data/rows": b"rows"}
    assert snapshots(home) == only(brought)
    assert sorted(path.name for path in (home / ".shop").iterdir()) == [".lock", "app", "files.json"]
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


def test_all_of_it_can_be_removed(tmp_path: Path) -> None:
    home = tmp_path / "projects"
    bring(home, OLD)
    bring(home, NEW, "web")
    assert (snapshot.is_there(home, "shop"), snapshot.data_of(home, "shop")) == (True, [])
    snapshot.discard(home, "shop")
    assert (snapshot.is_there(home, "shop"), list(home.iterdir())) == (False, [])
    snapshot.discard(home, "shop")


def test_data_stays_when_all_that_was_brought_goes(tmp_path: Path) -> None:
    bring(tmp_path, OLD)
    (tmp_path / "shop/conf/app/state.json").write_bytes(b"{}")
    snapshot.discard(tmp_path, "shop")
    assert tree(tmp_path) == {"shop/conf/app/state.json": b"{}"}
    assert snapshot.data_of(tmp_path, "shop") == [tmp_path / "shop/conf"]
    assert not snapshot.is_there(tmp_path, "shop")


def test_what_one_target_read_goes_with_it(tmp_path: Path) -> None:
    bring(tmp_path, OLD)
    admin = bring(tmp_path, OLD, "admin")
    snapshot.discard_snapshots(tmp_path, "shop", ["app", "never"])
    assert sorted(path.name for path in (tmp_path / ".shop").iterdir() if path.is_dir()) == ["admin"]
    assert tree(admin.directory) == tree(tmp_path / "shop") == OLD
