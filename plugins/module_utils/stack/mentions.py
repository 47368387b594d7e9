# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Finding services that call the target by its name, which a coloured service no longer has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.color import COLORS
from .naming import stack_key
from .warnings import Warnings

# Variables whose whole value is usually a host name.
_HOST_VARIABLE = re.compile(r"HOST|ADDR|SERVER|URL|URI|ENDPOINT|UPSTREAM|BACKEND|PEER", re.IGNORECASE)


def warn_mentions(target: str, services: Mapping[str, dict[str, Any]], warnings: Warnings) -> None:
    """Warn for each of C(services) whose environment, command, health check, links or C(depends_on) name C(target)."""
    colors = " and ".join(stack_key(target, color) for color in COLORS)
    for name, service in services.items():
        for place in _mentions(target, service):
            warnings.service(
                name,
                f"{place} names '{target}', a name that nothing in the stack answers to: "
                f"call it through the proxy, its colours are {colors}",
            )


def _mentions(target: str, service: dict[str, Any]) -> Iterator[str]:
    # Only where a host name stands: app:8080, //app/, user@app, tcp(app) - not /app, app.py or my-app.
    host = re.compile(rf"(?:^|[\s=,;@(\[\"']|//){re.escape(target)}(?=:\d|[/?#](?!\w*\.\w)|$|[\s,;)\]\"'])")
    certain = re.compile(rf"(?:^|[\s=,;(\[\"']){re.escape(target)}:\d|(?://|@){re.escape(target)}(?![\w.-])")
    if target in (service.get("depends_on") or {}):
        yield "depends_on"
    for key in ("links", "external_links"):
        if any(str(link).partition(":")[0] == target for link in service.get(key) or ()):
            yield key
    for variable, value in (service.get("environment") or {}).items():
        pattern = host if _HOST_VARIABLE.search(variable) else certain
        if value is not None and pattern.search(str(value)):
            yield f"environment.{variable}"
    for key, words in (
        ("command", service.get("command")),
        ("entrypoint", service.get("entrypoint")),
        ("healthcheck.test", (service.get("healthcheck") or {}).get("test")),
    ):
        if any(certain.search(str(word)) for word in words or ()):
            yield key
