# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where HAProxy's own files and sockets are, in the directory that it shares with its agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HaproxyFiles:
    """All of them, below one C(directory)."""

    directory: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.directory / "haproxy.cfg"

    @property
    def candidate(self) -> Path:
        """A configuration that is only checked."""
        return self.directory / ".candidate.cfg"

    @property
    def routes_map(self) -> Path:
        """Host and path to service."""
        return self.directory / "routes.map"

    @property
    def split_map(self) -> Path:
        """Service to C(live:candidate:percent)."""
        return self.directory / "split.map"

    @property
    def preview_map(self) -> Path:
        """C(service/<SHA-256 of a token>) to colour."""
        return self.directory / "preview.map"

    @property
    def maps(self) -> tuple[Path, ...]:
        """All three."""
        return self.routes_map, self.split_map, self.preview_map

    @property
    def server_state(self) -> Path:
        """Health of the servers, carried over a reload."""
        return self.directory / "server-state"

    @property
    def master_socket(self) -> Path:
        """The CLI of HAProxy's master process."""
        return self.directory / "master.sock"

    @property
    def worker_socket(self) -> Path:
        """The CLI of the current worker, through which listening sockets pass at a reload."""
        return self.directory / "worker.sock"

    @property
    def handover_socket(self) -> Path:
        """Where a worker that was replaced hands its requests to its successor."""
        return self.directory / "handover.sock"
