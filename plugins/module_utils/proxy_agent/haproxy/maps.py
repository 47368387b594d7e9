# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The three maps by which HAProxy decides each request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...routes.route import Route


def routes_map(routes: Iterable[Route]) -> dict[str, str]:
    """C(host/path/) or C(*/path/) to service; HAProxy takes the longest key that the request begins with."""
    entries: dict[str, str] = {}
    for route in routes:
        entries.update(dict.fromkeys(route.keys(), route.service))
    return entries


def split_map(routes: Iterable[Route]) -> dict[str, str]:
    """Service to C(live:candidate:percent): one line, so that live and share change in one step."""
    return {
        route.service: f"{route.split.live}:{route.split.candidate or ''}:{route.split.percent}" for route in routes
    }


def live_colors(split: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The reverse of C(split_map), as far as it concerns what is live."""
    return {service: value.partition(":")[0] for service, value in split}


def preview_map(routes: Iterable[Route]) -> dict[str, str]:
    """C(service/<SHA-256 of the token>) to colour. The service is in the key, so a token opens its service alone."""
    return {
        f"{route.service}/{route.preview.token_sha256}": route.preview.color
        for route in routes
        if route.preview is not None
    }


def to_text(entries: Mapping[str, str]) -> str:
    """The map file."""
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))
