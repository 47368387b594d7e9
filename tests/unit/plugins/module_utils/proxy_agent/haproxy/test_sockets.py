# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.driver import Generation
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.sockets import (
    HaproxyAwayError,
    HaproxyError,
    MasterSocket,
    Worker,
    parse_processes,
    payloads,
)

HAPROXY_3 = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
1               master          2 [failed: 0]   0d00h01m28s     3.0.11-1+deb13u3
# workers
24              worker          0               0d00h00m00s     3.0.11-1+deb13u3
# old workers
8               worker          2               0d00h02m17s     3.0.11-1+deb13u3
12              worker          1               0d00h02m17s     3.0.11-1+deb13u3
# programs

"""
HAPROXY_26 = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
13              master          0               0d00h00m08s     2.6.12-1+deb12u4
# workers
15              worker          0               0d00h00m08s     2.6.12-1+deb12u4
# programs
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(HAPROXY_3, [(24, True), (8, False), (12, False)], id="after reloads"),
        pytest.param(HAPROXY_26, [(15, True)], id="2.6"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_processes(answer: str, expected: list[tuple[int, bool]]) -> None:
    assert [(process.pid, process.current) for process in parse_processes(answer)] == expected


def test_a_payload_fits_into_haproxys_buffer_and_loses_no_entry() -> None:
    entries = {f"*/{'x' * 300}/{number}/": f"service-{number}" for number in range(100)}
    parts = list(payloads(entries))
    assert all(len(part) < 9000 for part in parts)
    assert "".join(parts).splitlines() == [f"{key} {value}" for key, value in sorted(entries.items())]


def test_no_payload_for_no_entries() -> None:
    assert list(payloads({})) == []


@contextmanager
def haproxy(path: Path, *answers: str | None) -> Iterator[list[str]]:
    """A socket that gives these answers in turn (None: never); yields what it was asked."""
    asked: list[str] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    over = threading.Event()

    def serve() -> None:
        for answer in answers:
            connection, _unused = listener.accept()
            with connection:
                question = b""
                while part := connection.recv(65536):
                    question += part
                asked.append(question.decode())
                if answer is None:
                    over.wait(10)
                else:
                    connection.sendall(answer.encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        listener.close()


def _worker(path: Path, timeout: float = 5.0) -> Worker:
    return Worker(MasterSocket(path, timeout), Generation(8, True, "3.0.11"))


def test_a_command_goes_to_its_worker(tmp_path: Path) -> None:
    with haproxy(tmp_path / "s", "\n") as asked:
        _worker(tmp_path / "s").tell("set server a/b state drain")
    assert asked == ["@!8 set server a/b state drain\n"]


def test_an_answer_where_none_belongs_is_an_error(tmp_path: Path) -> None:
    with haproxy(tmp_path / "s", "No such server.\n\n"), pytest.raises(HaproxyError, match=r"No such server.*drain"):
        _worker(tmp_path / "s").tell("set server a/b state drain")


def test_a_worker_that_is_gone(tmp_path: Path) -> None:
    answer = "Can't find the target PID matching the prefix '@!8'\n"
    with haproxy(tmp_path / "s", answer), pytest.raises(HaproxyAwayError):
        _worker(tmp_path / "s").ask("show info")


def test_no_haproxy_at_all(tmp_path: Path) -> None:
    with pytest.raises(HaproxyAwayError, match="No such file"):
        MasterSocket(tmp_path / "s").workers()


def test_an_answer_that_never_comes_ends_with_the_deadline(tmp_path: Path) -> None:
    with haproxy(tmp_path / "s", None), pytest.raises(HaproxyError, match="no answer to 'show proc'"):
        MasterSocket(tmp_path / "s", timeout=0.05).workers()


def test_a_map_is_replaced_as_a_new_version_and_read_back(tmp_path: Path) -> None:
    answers = ("New version created: 4\n", "\n", "\n", "0x7f6a05 books green::0\n")
    with haproxy(tmp_path / "s", *answers) as asked:
        _worker(tmp_path / "s").replace_map(Path("/m"), {"books": "green::0"})
    assert asked == [
        "@!8 prepare map /m\n",
        "@!8 add map @4 /m <<\nbooks green::0\n\n",
        "@!8 commit map @4 /m\n",
        "@!8 show map /m\n",
    ]


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param("0x7f6a05 books blue::0\n", id="the old value"),
        pytest.param("0x7f6a05 books blue::0\n0x7f6a06 books green::0\n", id="both values"),
        pytest.param("\n", id="nothing"),
    ],
)
def test_a_map_that_does_not_read_back_is_no_flip(tmp_path: Path, memory: str) -> None:
    answers = ("New version created: 4\n", "\n", "\n", memory)
    with haproxy(tmp_path / "s", *answers), pytest.raises(HaproxyError, match="does not have the entries"):
        _worker(tmp_path / "s").replace_map(Path("/m"), {"books": "green::0"})


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((HAPROXY_26, "Success=1\n--\n", HAPROXY_3), id="2.7 and later say so"),
        pytest.param((HAPROXY_26, "", HAPROXY_26, "", HAPROXY_3), id="2.6 is asked until it has another worker"),
    ],
)
def test_a_reload_ends_with_the_new_worker(tmp_path: Path, answers: tuple[str, ...]) -> None:
    with haproxy(tmp_path / "s", *answers):
        assert MasterSocket(tmp_path / "s").reload().process.pid == 24


def test_a_refused_reload_says_why(tmp_path: Path) -> None:
    refusal = "Success=0\n--\n[NOTICE] (1) : x\n[ALERT]    (1) : Binding for frontend public: cannot bind\n"
    with haproxy(tmp_path / "s", HAPROXY_26, refusal), pytest.raises(HaproxyError, match="Binding for frontend"):
        MasterSocket(tmp_path / "s").reload()
