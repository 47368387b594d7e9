# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Asking HAProxy itself whether it would take a configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ...core.errors import DeliveryError
from ..atomic_files import write_atomically
from .answers import first_alert
from .sockets import HaproxyError

_CHECK_TIMEOUT = 30.0


def check_text(program: str, candidate: Path, text: str) -> str | None:
    """What `haproxy -c` has against the configuration, or None. Raises DeliveryError if it cannot be asked."""
    write_atomically(candidate, text)
    try:
        # Not run_command, which needs an AnsibleModule and has no deadline.
        outcome = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, "-c", "-f", str(candidate)],
            capture_output=True,
            text=True,
            timeout=_CHECK_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HaproxyError(f"haproxy -c gave no answer on this proxy in {_CHECK_TIMEOUT:g} s") from error
    except OSError as error:
        raise DeliveryError(f"haproxy -c could not be run on this proxy: {error}") from error
    finally:
        candidate.unlink(missing_ok=True)
    return first_alert(outcome.stderr or outcome.stdout) if outcome.returncode else None
