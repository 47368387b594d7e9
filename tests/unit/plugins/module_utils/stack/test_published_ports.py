# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.published_ports import (
    colored_ports,
    main_port,
    published_ports,
    registration_names,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.warnings import Warnings


def port(target: int, protocol: str = "tcp", **more: object) -> dict[str, object]:
    return {"mode": "ingress", "protocol": protocol, "target": target, **more}


def test_coloured_ports_are_in_host_mode_and_docker_chooses_them() -> None:
    warnings = Warnings()
    given = [port(8080), port(443, published="8443"), port(443, published="8444"), port(53, "udp")]
    assert colored_ports("app", given, warnings) == [
        {"target": 8080, "protocol": "tcp", "mode": "host"},
        {"target": 443, "protocol": "tcp", "mode": "host"},
        {"target": 53, "protocol": "udp", "mode": "host"},
    ]
    assert [sentence.split(",")[0] for sentence in warnings.sentences] == [
        "service 'app': port 443 is not published as 8443 but on a port that Docker chooses",
        "service 'app': port 443 is not published as 8444 but on a port that Docker chooses",
    ]


PRIVATE = [
    pytest.param("127.0.0.1", True, id="loopback"),
    pytest.param("::1", True, id="loopback, IPv6"),
    pytest.param("10.0.0.5", True, id="one address of the node"),
    pytest.param("0.0.0.0", False, id="every address"),
    pytest.param("::", False, id="every address, IPv6"),
    pytest.param("0:0:0:0:0:0:0:0", False, id="every address, spelt out"),
    pytest.param("", False, id="none"),
]


@pytest.mark.parametrize(("address", "private"), PRIVATE)
def test_a_port_of_one_address_is_not_opened_on_all(address: str, private: bool) -> None:
    warnings = Warnings()
    given = [port(8080), port(9990, published="9990", host_ip=address)]
    assert [one["target"] for one in colored_ports("app", given, warnings)] == [8080] + [9990] * (not private)
    said = (
        f"service 'app': port 9990 is not published, because Swarm cannot bind it to {address} only: services of its "
        f"network reach it without that, remove the address to publish it on every address"
    )
    assert (said in warnings.sentences) is private
    assert len(warnings.sentences) == 1


def test_what_is_open_too_stays_open() -> None:
    warnings = Warnings()
    given = [port(8080, host_ip="127.0.0.1"), port(8080)]
    assert [one["target"] for one in colored_ports("app", given, warnings)] == [8080]
    assert main_port("app", given, 8080, "compose.yaml", []) == 8080


PUBLISHED = [
    pytest.param(port(80), {"target": 80, "protocol": "tcp", "mode": "ingress"}, "", id="any port"),
    pytest.param(
        port(80, published="81"), {"target": 80, "protocol": "tcp", "mode": "ingress", "published": 81}, "", id="fixed"
    ),
    pytest.param(
        {"target": 80, "published": "81", "mode": "host", "name": "web", "app_protocol": "http"},
        {"target": 80, "protocol": "tcp", "mode": "host", "published": 81},
        "",
        id="host mode",
    ),
    pytest.param(
        port(80, published="81-89"),
        {"target": 80, "protocol": "tcp", "mode": "ingress", "published": 81},
        "published as 81, Swarm takes no range",
        id="range",
    ),
    pytest.param(
        port(80, host_ip="0.0.0.0"), {"target": 80, "protocol": "tcp", "mode": "ingress"}, "", id="every address"
    ),
    pytest.param(
        port(80, published="81", host_ip="127.0.0.1"),
        None,
        "port 80 is not published, because Swarm cannot bind it to 127.0.0.1 only",
        id="one address: never opened to all",
    ),
]


@pytest.mark.parametrize(("given", "expected", "warning"), PUBLISHED)
def test_published_port(given: dict[str, object], expected: dict[str, object] | None, warning: str) -> None:
    warnings = Warnings()
    assert published_ports("db", [given], warnings) == ([] if expected is None else [expected])
    assert len(warnings.sentences) == (1 if warning else 0)
    assert warning in "".join(warnings.sentences)


def test_main_port() -> None:
    ports = [port(53, "udp"), port(8080), port(9090)]
    assert main_port("app", ports, None, "compose.yaml", []) == 8080
    assert main_port("app", ports, 9090, "compose.yaml", []) == 9090
    assert main_port("app", [port(9990, host_ip="127.0.0.1"), port(8080)], None, "compose.yaml", []) == 8080


NO_MAIN_PORT = [
    pytest.param([], None, [], "publishes no port, .*: add 'ports: \\[\"8080\"\\]'", id="no port"),
    pytest.param([], None, ["9090/tcp"], "add 'ports: \\[\"9090\"\\]'", id="exposed port in the example"),
    pytest.param([], 5000, ["9090"], "add 'ports: \\[\"5000\"\\]'", id="target_port in the example"),
    pytest.param([port(53, "udp")], None, [], "publishes only UDP ports", id="UDP only"),
    pytest.param(
        [port(80, host_ip="127.0.0.1")],
        None,
        [],
        "target 'app' publishes port 80 on 127.0.0.1 only, where proxies cannot reach it: write 'ports: \\[\"80\"\\]'",
        id="loopback only",
    ),
    pytest.param(
        [port(80, host_ip="::1"), port(81)],
        80,
        [],
        "target 'app' publishes port 80 on ::1 only, .*, or set target_port to 81",
        id="target_port on loopback",
    ),
    pytest.param(
        [port(80), port(81)], 82, [], "target_port 82 is not among .* target 'app', which are 80, 81", id="other port"
    ),
]


@pytest.mark.parametrize(("ports", "wanted", "expose", "message"), NO_MAIN_PORT)
def test_no_main_port(ports: list[dict[str, object]], wanted: int | None, expose: list[str], message: str) -> None:
    with pytest.raises(DeliveryError, match=message):
        main_port("app", ports, wanted, "compose.yaml", expose)


def test_registration_names() -> None:
    assert registration_names("p-app-blue", [port(8080)], 8080) == {"SERVICE_NAME": "p-app-blue"}
    assert registration_names("p-app-blue", [port(8080), port(9090), port(53, "udp")], 9090) == {
        "SERVICE_8080_NAME": "p-app-blue-8080",
        "SERVICE_9090_NAME": "p-app-blue",
        "SERVICE_53_NAME": "p-app-blue-53",
    }
