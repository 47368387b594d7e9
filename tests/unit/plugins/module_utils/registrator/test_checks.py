# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consul's check definitions from SERVICE_CHECK_*."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.registrator.checks import checks_of, unknown_keys


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, (), id="none"),
        pytest.param({"INTERVAL": "5s"}, (), id="an interval alone is no check"),
        pytest.param({"HTTP": "/health"}, ({"HTTP": "http://10.0.0.1:80/health", "Interval": "10s"},), id="http"),
        pytest.param({"HTTP": "true"}, ({"HTTP": "http://10.0.0.1:80/", "Interval": "10s"},), id="http without a path"),
        pytest.param({"HTTP": "up"}, ({"HTTP": "http://10.0.0.1:80/up", "Interval": "10s"},), id="relative path"),
        pytest.param(
            {"HTTPS": "/", "HTTPS_METHOD": "head", "TLS_SKIP_VERIFY": "true"},
            ({"HTTP": "https://10.0.0.1:80/", "Interval": "10s", "Method": "HEAD", "TLSSkipVerify": True},),
            id="https",
        ),
        pytest.param(
            {"TCP": "yes", "INTERVAL": "3s", "TIMEOUT": "1s", "INITIAL_STATUS": "passing", "DEREGISTER_AFTER": "1h"},
            (
                {
                    "TCP": "10.0.0.1:80",
                    "Interval": "3s",
                    "Timeout": "1s",
                    "Status": "passing",
                    "DeregisterCriticalServiceAfter": "1h",
                },
            ),
            id="tcp with all refinements",
        ),
        pytest.param({"TCP": "false"}, (), id="tcp switched off"),
        pytest.param(
            {"GRPC": "true", "GRPC_USE_TLS": "1"},
            ({"GRPC": "10.0.0.1:80", "Interval": "10s", "GRPCUseTLS": True},),
            id="grpc",
        ),
        pytest.param({"GRPC": "books"}, ({"GRPC": "10.0.0.1:80/books", "Interval": "10s"},), id="grpc service"),
        pytest.param(
            {"HTTP": "/a", "TCP": "1"},
            ({"HTTP": "http://10.0.0.1:80/a", "Interval": "10s"}, {"TCP": "10.0.0.1:80", "Interval": "10s"}),
            id="two checks",
        ),
    ],
)
def test_checks(options: dict[str, str], expected: tuple[dict[str, Any], ...]) -> None:
    assert checks_of(options, "10.0.0.1", 80) == expected


def test_checks_of_other_registrators_are_reported() -> None:
    assert unknown_keys({"HTTP": "/", "TTL": "10s", "SCRIPT": "x", "INTERVAL": "1s"}) == ["SCRIPT", "TTL"]
