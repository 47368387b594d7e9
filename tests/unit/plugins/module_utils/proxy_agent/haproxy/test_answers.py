# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy import answers as worker_answers

HEADER = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port\n"
)


def _line(operational: int, administrative: int, result: int, check: int) -> str:
    return (
        f"5 books-green 1 10.0.0.1_80 10.0.0.1 {operational} {administrative} 1 1 24 15 {result} 3 {check} "
        "0 0 0 - 80 - 0 0 - - 0\n"
    )


@pytest.mark.parametrize(
    ("line", "up", "drained", "maintenance", "checked", "proven"),
    [
        pytest.param(_line(2, 0, 3, 6), True, False, False, True, True, id="up"),
        pytest.param(_line(0, 0, 0, 6), False, False, False, True, False, id="added, checks to come"),
        pytest.param(_line(0, 1, 0, 2), False, False, True, False, False, id="only added"),
        pytest.param(_line(2, 8, 3, 6), False, True, False, True, True, id="drained"),
        pytest.param(_line(2, 0, 0, 6), True, False, False, True, False, id="just started, counted as up"),
        pytest.param(_line(0, 0, 2, 6), False, False, False, True, False, id="its check fails"),
    ],
)
def test_servers(line: str, up: bool, drained: bool, maintenance: bool, checked: bool, proven: bool) -> None:
    state = worker_answers.servers(HEADER + line)["books-green"]["10.0.0.1_80"]
    found = (state.up, state.drained, state.maintenance, state.checked, state.proven)
    assert found == (up, drained, maintenance, checked, proven)
    assert state.place == "10.0.0.1:80"


def test_traffic() -> None:
    answer = (
        "# pxname,svname,qcur,qmax,scur,smax,status\n"
        "a-blue,10.0.0.1_80,1,0,2,3,UP\n"
        "a-blue,10.0.0.2_80,0,0,0,0,DOWN 1/2\n"
        "a-blue,10.0.0.3_80,0,0,1,0,DRAIN\n"
        "a-blue,10.0.0.4_80,0,0,0,0,UP 1/2\n"
        "a-blue,BACKEND,0,0,4,5,UP\n\n"
    )
    traffic = worker_answers.traffic(answer)
    assert traffic.backends == {"a-blue": 4}
    assert traffic.servers["a-blue", "10.0.0.1_80"] == 3
    assert traffic.up == {"a-blue": {"10.0.0.1_80", "10.0.0.4_80"}}


def test_map_entries_keep_what_is_doubled() -> None:
    answer = "0x1 books blue::0\n0x2 books green::0\n"
    assert worker_answers.map_entries(answer) == [("books", "blue::0"), ("books", "green::0")]


def test_the_first_alert_is_the_reason() -> None:
    text = "[NOTICE]   (1) : a\n[ALERT]    (1) : config : unknown keyword\n[ALERT]    (1) : config : fatal\n"
    assert worker_answers.first_alert(text) == "config : unknown keyword"
    assert worker_answers.first_alert("") == "no reason given"
