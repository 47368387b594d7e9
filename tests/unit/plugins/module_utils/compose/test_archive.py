# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a project arrive as they were packed, and no archive leads out of its directory."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.archive import pack, unpack
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError


def test_files_arrive_as_they_were_packed(tmp_path: Path) -> None:
    files = {"compose.yaml": b"old", ".env": b"TAG=1", "geheimnisse/passwört.txt": bytes(range(256)), "empty": b""}
    with (tmp_path / "project.tar").open("wb") as archive:
        pack(files, archive)
    assert unpack(tmp_path / "project.tar") == files


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
        unpack(tmp_path / "x.tar")
