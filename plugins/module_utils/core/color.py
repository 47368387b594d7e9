# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Colours: which one a release goes to. The truth about what is live is what the proxies serve."""

from __future__ import annotations

BLUE = "blue"
GREEN = "green"
COLORS = (BLUE, GREEN)


def other(color: str) -> str:
    """The opposite colour; anything that is not a colour raises ValueError."""
    if color not in COLORS:
        raise ValueError(f"'{color}' is no colour: blue or green")
    return GREEN if color == BLUE else BLUE


def next_color(served: str | None, running: dict[str, int]) -> str:
    """The colour that the next release is deployed to.

    C(served) is the colour that the proxies send users to, C(running) the running instances per colour. The
    next colour is the one that no proxy serves. Nothing served yet: the colour that already runs (a candidate
    that never went live is replaced), else blue.
    """
    if served is not None:
        return other(served)
    started = [color for color in COLORS if running.get(color, 0) > 0]
    return started[0] if len(started) == 1 else BLUE
