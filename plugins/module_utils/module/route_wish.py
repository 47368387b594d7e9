# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a module's parameters ask of the proxies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stages.proxy import RouteWish

_OPTIONS = ("check_path", "retries", "timeout_server")


def wish_of(parameters: Mapping[str, Any]) -> RouteWish:
    """From C(service_path), C(service_domain), the route's options and, where a module has it, C(color)."""
    hosts = parameters["service_domain"]
    return RouteWish(
        paths=tuple(parameters["service_path"]),
        hosts=None if hosts is None else tuple(hosts),
        color=parameters.get("color"),
        options={name: parameters[name] for name in _OPTIONS if parameters[name] is not None},
    )
