# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open-loop load: requests at a fixed arrival rate, each accounted for by what became of it.

``generator`` fires, ``connection`` speaks HTTP, ``report`` counts, ``running`` starts it all as a process of its own
for a test, ``python -m tests.load`` is the same on the command line.
"""
