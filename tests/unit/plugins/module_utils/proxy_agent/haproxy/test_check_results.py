# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import Check
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.check_results import CheckResult


def row(status: str, code: str = "", detail: str = "") -> dict[str, str]:
    return {"check_status": status, "check_code": code, "last_chk": detail}


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        pytest.param(row("L4CON", "", "Connection refused"), "refused", "connection refused", id="nothing listens"),
        pytest.param(row("L4CON", "", "No route to host"), "unreachable", "no route to host", id="no route"),
        pytest.param(row("* L4CON"), "unreachable", "no connection", id="no connection, nobody says why"),
        pytest.param(row("L4TOUT"), "unreachable", "no connection in time", id="a firewall drops it"),
        pytest.param(
            row("SOCKERR", "", "ECONNRESET returned by OS (Connection reset by peer)"),
            "closed",
            "connection closed without an answer",
            id="closed, as Docker does for a port that nothing listens on",
        ),
        pytest.param(row("* L7TOUT"), "timeout", "no answer in time", id="it hangs"),
        pytest.param(row("L7STS", "503", "Not Well"), "status", "status 503", id="an error"),
        pytest.param(row("* L7STS", "0"), "status", "a status that is an error", id="an error, number unknown"),
        pytest.param(row("L7RSP", "", "invalid"), "invalid", "no HTTP answer", id="another protocol"),
        pytest.param(row("INI"), "unchecked", "not checked yet", id="just added"),
        pytest.param(row("L7OK", "200"), "unchecked", "its first checks passed", id="about to be up"),
        pytest.param({}, "unchecked", "not checked yet", id="an old HAProxy says nothing"),
        pytest.param(row("PROCERR", "", "x" * 200), "other", "PROCERR " + "x" * 72, id="what nobody knows, bounded"),
    ],
)
def test_what_people_are_told(given: dict[str, str], kind: str, text: str) -> None:
    assert CheckResult.of(given).check() == Check(kind, text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        pytest.param(row("L4CON", "", "Connection refused"), row("* L4CON"), "connection refused", id="on its way"),
        pytest.param(row("L7STS", "503"), row("* L7STS", "0"), "status 503", id="on its way, a status"),
        pytest.param(row("L7STS", "503"), row("L7STS", "500"), "status 500", id="another one"),
        pytest.param(row("L7STS", "503"), row("* L7TOUT"), "no answer in time", id="another kind on its way"),
        pytest.param(None, row("* L7TOUT"), "no answer in time", id="nothing known before"),
    ],
)
def test_the_last_result_stands_while_the_next_check_is_on_its_way(
    before: dict[str, str] | None, now: dict[str, str], text: str
) -> None:
    known = CheckResult.of(before) if before is not None else None
    assert CheckResult.of(now).after(known).check().text == text
