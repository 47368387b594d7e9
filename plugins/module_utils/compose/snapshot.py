# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The project's directory on a manager: what the controller has, and what containers put beside it.

    <home>/shop               where containers mount relative paths from: the files that were brought, and their data
    <home>/.shop/files.json   which files were brought there: all else is somebody's data, and is never touched
    <home>/.shop/app/<id>     a snapshot, which the release of target app reads: all that was brought, and nothing else

A release reads its snapshot alone, so nothing that lies in the project's directory, an old C(.env) say, is part of it.
The directory itself is brought up to date file by file, each in one step: what has it mounted goes on seeing it.

Every target has snapshots of its own, because its lock is its own: two targets of one project may be released at once,
from different states of the project, and neither reads what the other one brought.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..core.errors import DeliveryError
from ..core.waiting import wait_until

Files = Mapping[str, bytes]

_UNFINISHED = ".new-"
_MANIFEST = "files.json"
# A directory for a plan alone, in the machine's directory for temporary files.
PLAN_PREFIX = "docker-flow-plan-"
_PLAN_AGE = 86400.0
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Brought:
    """C(directory) is where the release reads the files, C(before) what the project's directory held of them."""

    directory: Path
    before: Files | None = field(repr=False)


def bring(home: Path, project: str, target: str, files: Files, before_change: Callable[[], None]) -> Brought:
    """Make a snapshot of these files, and C(home)/C(project) hold them and no others that were ever brought.

    C(before_change) raises when this is no longer ours to do; nothing that others see was changed until then. May be
    killed anywhere: the next one ends it, and removes what is left.
    """
    place, hidden = home / project, home / f".{project}"
    own = hidden / target
    try:
        for directory in (home, place, hidden, own):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = present(home, project, files)
        directory = _found(own, files) or _write(own, files)
        with _alone(hidden):
            before_change()
            _refuse_obstacles(place, files)
            _update(place, hidden, files)
            _clear_up(hidden, own, directory)
    except OSError as error:
        raise DeliveryError(f"'{place}' cannot be brought up to date: {error}") from error
    return Brought(directory, before)


def present(home: Path, project: str, files: Files) -> Files | None:
    """What is in the project's directory of these files, and of what was brought earlier; None: nothing ever was."""
    place, hidden = home / project, home / f".{project}"
    brought = _manifest(hidden)
    known = {*files, *brought}
    found = {name: content for name in known if (content := _content(place / name)) is not None}
    return found if found or brought else None


def is_there(home: Path, project: str) -> bool:
    """Whether anything was brought for a project."""
    return (home / f".{project}").is_dir()


def data_of(home: Path, project: str) -> list[Path]:
    """What is in the project's directory and was never brought, topmost first: a container mounts it, so it is data."""
    place, known = home / project, set(_manifest(home / f".{project}"))
    found = []
    for folder, names, leaves in os.walk(place):
        here = Path(folder).relative_to(place)
        found += [place / here / leaf for leaf in leaves if str(here / leaf) not in known]
        foreign = [name for name in names if not _holds(here / name, known)]
        found += [place / here / name for name in foreign if any((place / here / name).iterdir())]
        names[:] = [name for name in names if name not in foreign]
    return sorted(found)


def discard_snapshots(home: Path, project: str, targets: Iterable[str]) -> None:
    """Remove what the releases of these targets read. Raises OSError."""
    for own in (home / f".{project}" / target for target in targets):
        if own.is_dir():
            shutil.rmtree(own)


def discard(home: Path, project: str) -> None:
    """Remove all that was brought; data stays. Raises OSError."""
    place, hidden = home / project, home / f".{project}"
    for name in _manifest(hidden):
        if _content(place / name) is not None:
            (place / name).unlink()
    for folder, _names, _leaves in os.walk(place, topdown=False):
        if not any(Path(folder).iterdir()):
            Path(folder).rmdir()
    # What says which files were brought goes last: without it they were taken for somebody's data.
    if hidden.is_dir():
        shutil.rmtree(hidden)


def write_plan(place: Path, files: Files) -> Path:
    """A directory with these files for a plan that changes nothing; whoever planned removes it.

    Those of plans that were killed are removed here a day later.
    """
    for old in place.glob(f"{PLAN_PREFIX}*"):
        status = old.lstat()
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if ours and status.st_mtime < time.time() - _PLAN_AGE:
            shutil.rmtree(old, ignore_errors=True)
    directory = place / f"{PLAN_PREFIX}{secrets.token_hex(8)}"
    _fill(directory, files)
    return directory


# -- the project's directory ----------------------------------------------------------------------------------------


def _refuse_obstacles(place: Path, files: Files) -> None:
    """Raise DeliveryError where something that was not brought is in the way of a file; nothing was changed then."""
    for name in sorted(files):
        for path in _folders(place, name):
            # A container could have made a link to lead us elsewhere.
            if path.is_symlink() or (os.path.lexists(path) and not path.is_dir()):
                raise DeliveryError(f"'{path}' is no directory, but the project has '{name}': move it away")
        if (place / name).is_dir() and not (place / name).is_symlink():
            raise DeliveryError(
                f"'{place / name}' is a directory, which a container may have mounted, but the project has a file of "
                f"that name: move it away"
            )


def _update(place: Path, hidden: Path, files: Files) -> None:
    known = set(_manifest(hidden))
    # Before a file is there, so that those of a run that is killed are known as brought.
    _remember(hidden, known | set(files))
    for name, content in sorted(files.items()):
        if _content(place / name) != content:
            _make_folders(place, name)
            _replace(hidden, place / name, content)
    for name in sorted(known - set(files)):
        # Directories stay, also empty ones: a container that has one mounted could not start again.
        if _content(place / name) is not None:
            (place / name).unlink()
    _remember(hidden, set(files))


def _content(path: Path) -> bytes | None:
    """What a file holds; of what is no file something that no file is expected to hold; None: nothing is there."""
    if not os.path.lexists(path) or (path.is_dir() and not path.is_symlink()):
        return None
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b"\0"


def _remember(hidden: Path, names: set[str]) -> None:
    if names != set(_manifest(hidden)):
        _replace(hidden, hidden / _MANIFEST, json.dumps(sorted(names)).encode())


def _manifest(hidden: Path) -> tuple[str, ...]:
    try:
        return tuple(json.loads((hidden / _MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ()


def _replace(hidden: Path, path: Path, content: bytes) -> None:
    draft = hidden / f"{_UNFINISHED}{secrets.token_hex(8)}"
    _write_file(draft, content)
    draft.rename(path)


def _holds(directory: Path, files: Collection[str]) -> bool:
    return any(PurePosixPath(directory) in PurePosixPath(name).parents for name in files)


# -- snapshots ----------------------------------------------------------------------------------------------------


def _found(own: Path, files: Files) -> Path | None:
    """A snapshot of this target that is exactly these files."""
    return next((path for path in sorted(_snapshots(own)) if _read(path) == files), None)


def _snapshots(own: Path) -> Iterator[Path]:
    yield from (path for path in own.iterdir() if path.is_dir() and not path.name.startswith(_UNFINISHED))


def _read(directory: Path) -> dict[str, bytes]:
    leaves = [Path(folder, leaf) for folder, _names, leaves in os.walk(directory) for leaf in leaves]
    return {str(path.relative_to(directory)): _content(path) or b"" for path in leaves}


def _write(own: Path, files: Files) -> Path:
    name = secrets.token_hex(8)
    draft, snapshot = own / f"{_UNFINISHED}{name}", own / name
    _fill(draft, files)
    draft.rename(snapshot)
    return snapshot


def _fill(directory: Path, files: Files) -> None:
    directory.mkdir(mode=0o700)
    for name, content in files.items():
        _make_folders(directory, name)
        _write_file(directory / name, content)


def _folders(directory: Path, name: str) -> list[Path]:
    """The folders between C(directory) and a file in it, the topmost first."""
    return [directory / folder for folder in reversed(PurePosixPath(name).parents[:-1])]


def _make_folders(directory: Path, name: str) -> None:
    for folder in _folders(directory, name):
        folder.mkdir(mode=0o700, exist_ok=True)


def _write_file(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _clear_up(hidden: Path, own: Path, current: Path) -> None:
    """Remove this target's other snapshots, and what runs left that were killed."""
    for path in [*own.iterdir(), *hidden.glob(f"{_UNFINISHED}*")]:
        if path == current:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _alone(hidden: Path) -> Iterator[None]:
    """Change the project's directory while no other target of it does; it takes a moment, and ends with the process."""
    descriptor = os.open(hidden / ".lock", os.O_RDWR | os.O_CREAT, 0o600)

    def taken() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        if not wait_until(taken, _PATIENCE, interval=0.05):
            raise DeliveryError(
                f"'{hidden}' is locked by another run of the project, for {_PATIENCE:g} s by now: end that process, "
                f"which hangs, and run this again"
            )
        yield
    finally:
        os.close(descriptor)
