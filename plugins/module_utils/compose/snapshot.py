# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The project's directory on a manager: always one whole snapshot of what the controller has, never a mixture.

    <home>/shop                  a link to the snapshot that was brought last, switched in one step
    <home>/.shop/app/<id>        a snapshot, which the release of target app reads; never changed once it is there
    <home>/.shop/app/<id>.json   which files were brought, so that what somebody else put there is known

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
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from ..core.errors import DeliveryError
from ..core.waiting import wait_until

Files = Mapping[str, bytes]

_UNFINISHED = ".new-"
# A directory for a plan alone, in the machine's directory for temporary files.
PLAN_PREFIX = "docker-flow-plan-"
_PLAN_AGE = 86400.0
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Brought:
    """C(directory) is where the files are, C(before) what the project's directory held of them."""

    directory: Path
    before: Files | None = field(repr=False)


def pack(files: Files, archive: IO[bytes]) -> None:
    """Write the files, by their paths relative to the project, to an archive that says nothing else of them."""
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))


def unpack(archive: Path) -> dict[str, bytes]:
    """The files of an archive that pack() wrote; DeliveryError for one with anything else in it."""
    try:
        with tarfile.open(archive, mode="r:") as tar:
            found = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile() and _is_inside(entry.name)}
            if len(found) != len(tar.getmembers()):
                raise DeliveryError(f"src '{archive}' is no archive of a project: its action makes one")
            return {name: content.read() for name, content in found.items() if content is not None}
    except (OSError, tarfile.TarError) as error:
        raise DeliveryError(f"src '{archive}' cannot be read: {error}") from error


def bring(home: Path, project: str, target: str, files: Files, before_switch: Callable[[], None]) -> Brought:
    """Make C(home)/C(project) exactly these files, in one step.

    C(before_switch) raises when this is no longer ours to do; nothing that others see was changed until then. May be
    killed anywhere: the next one removes what is left.
    """
    link, hidden = home / project, home / f".{project}"
    own = hidden / target
    try:
        for directory in (home, hidden, own):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = _present(link, files)
        directory = _found(own, link, files) or _write(own, files)
        with _alone(hidden):
            before_switch()
            _switch(link, directory, own)
            _clear_up(hidden, own, directory, files)
    except OSError as error:
        raise DeliveryError(f"'{link}' cannot be brought up to date: {error}") from error
    return Brought(directory, before)


def present(home: Path, project: str, files: Files) -> Files | None:
    """What is in the project's directory where these files would be, and what was brought earlier; None: nothing."""
    return _present(home / project, files)


def is_there(home: Path, project: str) -> bool:
    """Whether there is anything of the project's directory."""
    return os.path.lexists(home / project) or (home / f".{project}").is_dir()


def data_of(home: Path, project: str) -> list[Path]:
    """The directories in which nothing was brought: a container mounts them, so they hold data."""
    link, hidden = home / project, home / f".{project}"
    targets = sorted(path for path in hidden.iterdir() if path.is_dir()) if hidden.is_dir() else []
    places = [
        *([] if link.is_symlink() else [link]),
        *(one for target in targets for one in sorted(_snapshots(target))),
    ]
    return [place / foreign for place in places for foreign in _foreign(place, _manifest(place) or ())]


def discard(home: Path, project: str) -> None:
    """Remove the project's directory with all that was brought. Raises OSError."""
    link, hidden = home / project, home / f".{project}"
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    if hidden.is_dir():
        shutil.rmtree(hidden)
    link.unlink(missing_ok=True)


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


# -- snapshots ----------------------------------------------------------------------------------------------------


def _found(own: Path, link: Path, files: Files) -> Path | None:
    """A snapshot of this target that is exactly these files; the one that is linked, where there are several."""
    snapshots = sorted(_snapshots(own), key=lambda path: path.resolve() != link.resolve())
    return next((path for path in snapshots if _manifest(path) is not None and _present(path, files) == files), None)


def _present(directory: Path, files: Files) -> Files | None:
    """The files in C(directory), those of foreign directories left out."""
    if not directory.is_dir():
        return None
    ours = {*files, *(_manifest(directory.resolve()) or ())}
    found: dict[str, bytes] = {}
    for folder, names, leaves in os.walk(directory):
        here = Path(folder).relative_to(directory)
        names[:] = [name for name in names if _holds(here / name, ours)]
        for leaf in leaves:
            path = Path(folder, leaf)
            found[str(here / leaf)] = path.read_bytes() if path.is_file() and not path.is_symlink() else b"\0"
    return found


def _write(own: Path, files: Files) -> Path:
    name = secrets.token_hex(8)
    draft, snapshot = own / f"{_UNFINISHED}{name}", own / name
    _fill(draft, files)
    _write_file(own / f"{name}.json", json.dumps(sorted(files)).encode())
    draft.rename(snapshot)
    return snapshot


def _fill(directory: Path, files: Files) -> None:
    directory.mkdir(mode=0o700)
    for name, content in files.items():
        parent = directory
        for part in PurePosixPath(name).parts[:-1]:
            parent /= part
            parent.mkdir(mode=0o700, exist_ok=True)
        _write_file(directory / name, content)


def _write_file(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _switch(link: Path, directory: Path, own: Path) -> None:
    if link.is_dir() and not link.is_symlink():
        # What an earlier version of this collection left, file by file.
        link.rename(own / secrets.token_hex(8))
    draft = link.with_name(f".{link.name}") / f"{_UNFINISHED}link"
    draft.unlink(missing_ok=True)
    draft.symlink_to(directory.relative_to(link.parent))
    draft.rename(link)


def _clear_up(hidden: Path, own: Path, current: Path, files: Files) -> None:
    """Remove this target's other snapshots. A directory in them that nobody brought is moved to the current one.

    Somebody made it for a container to mount, so it holds data.
    """
    for snapshot in [path for target in hidden.iterdir() if target.is_dir() for path in _snapshots(target)]:
        if snapshot != current:
            for foreign in _foreign(snapshot, _manifest(snapshot) or files):
                _move(snapshot / foreign, current / foreign)
    # What found no place there stays where it is, for a person to decide.
    kept = {current.name, *(path.name for path in _snapshots(own) if _foreign(path, _manifest(path) or files))}
    # What says which of its files were brought goes after a snapshot: without it they were taken for somebody's data.
    for path in sorted(own.iterdir(), key=lambda path: path.suffix == ".json"):
        if path.name.removesuffix(".json") in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _move(source: Path, destination: Path) -> None:
    if not os.path.lexists(destination):
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source.rename(destination)


def _snapshots(own: Path) -> Iterator[Path]:
    if own.is_dir():
        yield from (path for path in own.iterdir() if path.is_dir() and not path.name.startswith(_UNFINISHED))


def _manifest(snapshot: Path) -> tuple[str, ...] | None:
    try:
        return tuple(json.loads(snapshot.with_name(f"{snapshot.name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _foreign(snapshot: Path, ours: Iterable[str]) -> list[Path]:
    """The topmost directories in which nothing was brought, by their paths in the snapshot."""
    known, found = set(ours), []
    for folder, names, _leaves in os.walk(snapshot):
        here = Path(folder).relative_to(snapshot)
        found += [here / name for name in names if not _holds(here / name, known)]
        names[:] = [name for name in names if _holds(here / name, known)]
    return found


def _holds(directory: Path, files: Iterable[str]) -> bool:
    return any(PurePosixPath(directory) in PurePosixPath(name).parents for name in files)


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts


@contextmanager
def _alone(hidden: Path) -> Iterator[None]:
    """Switch while no other target of the project does; it takes a moment, and ends with the process."""
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
