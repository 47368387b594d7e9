# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The dialects of stack files that Docker clients know, as pairs such as C((3, 9)), and asking a client for its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from ..compose.command import run_client

# The stack dialects that clients know: 20.10 stops at 3.9, 25 at 3.12, 28 at 3.13.
BASE_DIALECT = (3, 9)
# All that any client knows.
EVERY_DIALECT = (99, 0)
# Docker's major version and the stack dialect that came with it.
_SINCE = ((28, (3, 13)), (25, (3, 12)))


def client_dialect(docker: Sequence[str] = ("docker",), timeout: float = 20.0) -> tuple[int, int]:
    """The newest stack dialect that both the Docker client and its daemon understand, such as C((3, 9)).

    C(docker) is the client's command, with C(--host) where needed. Without an answer it is the oldest one in use.
    """
    query = ["version", "--format", "{{.Client.Version}} {{.Server.Version}}"]
    try:
        answer = run_client(tuple(docker), query, {}, timeout)
    except (OSError, subprocess.TimeoutExpired):
        return BASE_DIALECT
    majors = [int(version) for version in re.findall(r"(?:^|\s)(\d+)\.", answer.stdout)]
    if answer.returncode != 0 or len(majors) != 2:
        return BASE_DIALECT
    return next((dialect for major, dialect in _SINCE if min(majors) >= major), BASE_DIALECT)
