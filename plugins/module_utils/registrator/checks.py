# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Consul health checks from the SERVICE_CHECK_* keys.

C(HTTP), C(HTTPS) (a path), C(TCP), C(GRPC) (C(true), or the name of the gRPC service) choose the checks, several are
allowed; C(HTTP_METHOD), C(HTTPS_METHOD), C(GRPC_USE_TLS), C(TLS_SKIP_VERIFY), C(INTERVAL) (10s), C(TIMEOUT),
C(INITIAL_STATUS) and C(DEREGISTER_AFTER) refine them. A check starts critical unless the
initial status says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS = ("HTTP", "HTTPS", "TCP", "GRPC")
_REFINEMENTS = frozenset(
    {
        "HTTP_METHOD",
        "HTTPS_METHOD",
        "GRPC_USE_TLS",
        "TLS_SKIP_VERIFY",
        "INTERVAL",
        "TIMEOUT",
        "INITIAL_STATUS",
        "DEREGISTER_AFTER",
    }
)
_COMMON = {"TIMEOUT": "Timeout", "INITIAL_STATUS": "Status", "DEREGISTER_AFTER": "DeregisterCriticalServiceAfter"}
_YES = ("1", "true", "yes", "on")
_DEFAULT_INTERVAL = "10s"


def checks_of(options: Mapping[str, str], host: str, port: int) -> tuple[dict[str, Any], ...]:
    """Consul's check definitions for one service; C(host) is an address as it stands in a URL (IPv6 in brackets)."""
    return tuple(_check(kind, options, f"{host}:{port}") for kind in _KINDS if _wanted(kind, options))


def unknown_keys(options: Mapping[str, str]) -> list[str]:
    """Keys that mean nothing here (SCRIPT, TTL, DOCKER … of other registrators), for a warning."""
    return sorted(key for key in options if key not in _REFINEMENTS and key not in _KINDS)


def _wanted(kind: str, options: Mapping[str, str]) -> bool:
    return options.get(kind, "").strip().lower() not in ("", "0", "false", "no", "off")


def _check(kind: str, options: Mapping[str, str], target: str) -> dict[str, Any]:
    value = options[kind].strip()
    check: dict[str, Any] = {"Interval": options.get("INTERVAL") or _DEFAULT_INTERVAL}
    if kind in ("HTTP", "HTTPS"):
        path = value if value.startswith("/") else "/" if value.lower() in _YES else f"/{value}"
        check["HTTP"] = f"{kind.lower()}://{target}{path}"
        if method := options.get(f"{kind}_METHOD"):
            check["Method"] = method.upper()
    elif kind == "TCP":
        check["TCP"] = target
    else:
        check["GRPC"] = target if value.lower() in _YES else f"{target}/{value.lstrip('/')}"
        if options.get("GRPC_USE_TLS", "").lower() in _YES:
            check["GRPCUseTLS"] = True
    if options.get("TLS_SKIP_VERIFY", "").lower() in _YES:
        check["TLSSkipVerify"] = True
    check.update({name: options[key] for key, name in _COMMON.items() if options.get(key)})
    return check
