# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.dialect import client_dialect

DIALECTS = [
    pytest.param("28.2.2 28.2.2", (3, 13), id="28"),
    pytest.param("26.1.5+dfsg1 26.1.5+dfsg1", (3, 12), id="Debian 13"),
    pytest.param("20.10.24+dfsg1 20.10.24+dfsg1", (3, 9), id="Debian 12"),
    pytest.param("28.2.2 20.10.24", (3, 9), id="new client, old daemon"),
    pytest.param("nothing", (3, 9), id="no answer"),
]


@pytest.mark.parametrize(("answer", "expected"), DIALECTS)
def test_client_dialect(tmp_path: Path, answer: str, expected: tuple[int, int]) -> None:
    (tmp_path / "docker.py").write_text(f"print({answer!r})")
    assert client_dialect((sys.executable, str(tmp_path / "docker.py"))) == expected


def test_client_dialect_without_docker() -> None:
    assert client_dialect(("no-such-docker",)) == (3, 9)
