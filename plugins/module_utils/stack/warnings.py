# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Collecting what a translation could not keep, one sentence each."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Warnings:
    """Sentences in the order they came up, each once."""

    sentences: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Add a sentence."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)

    def service(self, name: str, sentence: str) -> None:
        """Add a sentence about a service."""
        self.say(f"service '{name}': {sentence}")

    def dropped(self, name: str, key: str, reason: str) -> None:
        """Say that a service's key has no effect, and why."""
        self.service(name, f"{key} is left out, {reason}")
