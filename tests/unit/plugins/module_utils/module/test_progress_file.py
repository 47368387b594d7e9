# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says while it waits goes to a file, and never stops it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.progress_file import progress_writer


def test_progress_goes_to_its_file(tmp_path: Path) -> None:
    write = progress_writer(str(tmp_path / "progress"))
    write("one")
    write("two")
    assert (tmp_path / "progress").read_text(encoding="utf-8") == "one\ntwo\n"


@pytest.mark.parametrize("path", [None, "/none/progress"])
def test_progress_that_cannot_be_written_stops_nothing(path: str | None) -> None:
    progress_writer(path)("one")
