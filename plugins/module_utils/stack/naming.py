# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a stack file and a Swarm call our services."""

from __future__ import annotations


def stack_key(target: str, color: str | None = None) -> str:
    """The key of a service in its stack file: C(<target>-<color>), or C(<target>) without a colour."""
    return f"{target}-{color}" if color else target


def swarm_service_name(project: str, target: str, color: str | None = None) -> str:
    """The Swarm service: C(<project>_<target>-<color>), or C(<project>_<target>) without a colour.

    This is what C(docker stack deploy) makes of stack_key().
    """
    return f"{project}_{stack_key(target, color)}"
