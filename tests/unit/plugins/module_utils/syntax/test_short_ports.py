# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax.short_ports import parse_short_port


def port(target: int, protocol: str = "tcp", **more: object) -> dict[str, object]:
    return {"mode": "ingress", "protocol": protocol, "target": target, **more}


SHORT = [
    pytest.param("8080", [port(8080)], id="target"),
    pytest.param("80:8080", [port(8080, published=80)], id="published"),
    pytest.param("53:53/udp", [port(53, "udp", published=53)], id="protocol"),
    pytest.param("127.0.0.1:80:8080", [port(8080, published=80, host_ip="127.0.0.1")], id="address"),
    pytest.param("127.0.0.1::8080", [port(8080, host_ip="127.0.0.1")], id="address without port"),
    pytest.param("[::1]:80:8080", [port(8080, published=80, host_ip="::1")], id="IPv6 address"),
    pytest.param("81-82:91-92", [port(91, published=81), port(92, published=82)], id="range"),
]


@pytest.mark.parametrize(("text", "expected"), SHORT)
def test_short_port(text: str, expected: list[dict[str, object]]) -> None:
    assert parse_short_port(text) == expected


@pytest.mark.parametrize("text", ["http", "80:", "80:90:100", "1-2:3-5", "80/icmp"])
def test_short_port_refused(text: str) -> None:
    with pytest.raises(DeliveryError, match=f"port '{text}' is not valid: "):
        parse_short_port(text)
