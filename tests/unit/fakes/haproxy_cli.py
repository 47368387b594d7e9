# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's command line on a socket: a master, its current worker and those that it replaced."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.haproxy.haproxy_files import HaproxyFiles

_COLUMNS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
_GONE = "Can't find the target PID matching the prefix '@!{}'\n"
_MAINTENANCE, _DRAINED, _CHECK_ON, _RUNNING = 0x01, 0x08, 0x04, 2


@dataclass
class CliServer:
    """A server; C(running) is HAProxy's operational state, 2 is up. C(got): what its check says of the last answer."""

    place: str
    running: int = 0
    admin: int = _MAINTENANCE
    check: int = 0x02
    passed: bool = False
    open: int = 0
    got: str = "INI,,"


@dataclass
class CliWorker:
    """One worker: what it read at its start, and what it was told since."""

    pid: int
    structure: str
    maps: dict[str, list[tuple[str, str]]]
    servers: dict[str, dict[str, CliServer]]
    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def answer(self, command: str) -> str:
        """As HAProxy 3.0 does; '' is a command that was carried out without a word."""
        line, _newline, payload = command.partition("\n")
        words = line.split()
        match words:
            case ["show", "info"]:
                return f"Name: HAProxy\ndescription: {self.structure}\n"
            case ["show", "backend"]:
                return "# name\n" + "".join(f"{name}\n" for name in self.servers)
            case ["show", "servers", "state"]:
                return f"1\n# {_COLUMNS}\n" + "".join(self._states())
            case ["show", "stat", *_unused]:
                return "# pxname,svname,qcur,scur,status,check_status,check_code,last_chk\n" + "".join(
                    self._statistics()
                )
            case ["show", "map", path]:
                return "".join(f"0x{number} {key} {value}\n" for number, (key, value) in enumerate(self.maps[path]))
            case ["prepare", "map", path]:
                self.versions[path] = []
                return "New version created: 4\n"
            case ["add", "map", "@4", path, "<<"]:
                self.versions[path] += [(row.split()[0], row.split()[1]) for row in payload.splitlines() if row]
                return ""
            case ["commit", "map", "@4", path]:
                self.maps[path] = self.versions.pop(path)
                return ""
            case [_, "server" | "health", target, *rest]:
                return self._server(words[0], target, rest)
        raise AssertionError(f"the fake does not know '{command}'")

    def _server(self, verb: str, target: str, rest: list[str]) -> str:
        backend, _slash, name = target.partition("/")
        servers = self.servers[backend]
        if verb == "add":
            servers[name] = CliServer(rest[0])
            return "New server registered.\n"
        if name not in servers:
            return "No such server.\n"
        server = servers[name]
        match [verb, *rest]:
            case ["enable"]:
                server.check |= _CHECK_ON
            case ["set", "state", "drain"]:
                server.admin = _DRAINED
            case ["set", "state", "maint"]:
                server.admin = _MAINTENANCE
            case ["set", "state", "ready"]:
                server.admin = 0
            case ["set", "health", "down"]:
                server.running = 0
            case ["del"] if server.open:
                return "Server still has connections attached to it, cannot remove it.\n"
            case ["del"]:
                del servers[name]
                return "Server deleted.\n"
        return ""

    def _states(self) -> Iterator[str]:
        for backend, servers in self.servers.items():
            for name, one in servers.items():
                address, _colon, port = one.place.rpartition(":")
                result = 3 if one.passed else 0
                yield (
                    f"5 {backend} 1 {name} {address} {one.running} {one.admin} 1 1 9 15 {result} 3 {one.check} "
                    f"0 0 0 - {port} - 0 0 - - 0\n"
                )

    def _statistics(self) -> Iterator[str]:
        for backend, servers in self.servers.items():
            for name, one in servers.items():
                status = "no check" if not one.check & _CHECK_ON else "UP" if one.running and not one.admin else "DOWN"
                yield f"{backend},{name},0,{one.open},{status},{one.got}\n"
            yield f"{backend},BACKEND,0,{sum(one.open for one in servers.values())},UP,,,\n"


class CliHaproxy:
    """C(refuses): why it takes no new configuration. C(asked): every command. C(workers): the current one first."""

    def __init__(self, files: HaproxyFiles) -> None:
        self.files = files
        self.asked: list[str] = []
        self.refuses = ""
        self.workers: list[CliWorker] = []
        self.state_at_reload = ""
        self._pid = 20

    @property
    def current(self) -> CliWorker:
        """The worker that takes new connections."""
        return self.workers[0]

    def start_worker(self) -> None:
        """A worker with what the files say now; servers in the configuration are taken for up."""
        self._pid += 1
        text = self.files.config.read_text()
        servers: dict[str, dict[str, CliServer]] = {}
        check = 0x02
        for line in text.splitlines():
            if line.startswith("backend "):
                servers[line.split()[1]] = {}
                check = 0x02
            elif line.startswith("    default-server check"):
                check |= _CHECK_ON
            elif line.startswith("    server "):
                backend = list(servers)[-1]
                servers[backend][line.split()[1]] = CliServer(
                    line.split()[2], _RUNNING, 0, check, bool(check & _CHECK_ON)
                )
        description = re.search(r"description (\w+)", text)
        maps = {str(path): _entries(path) for path in self.files.maps}
        self.workers.insert(0, CliWorker(self._pid, description[1] if description else "", maps, servers))

    def checks_pass(self) -> None:
        """Every server of the current worker whose check is on has proven itself."""
        for servers in self.current.servers.values():
            for one in servers.values():
                if one.check & _CHECK_ON:
                    one.running, one.passed = _RUNNING, True

    def answer(self, command: str) -> str:
        """What the master says, or the worker that a command is for."""
        self.asked.append(command)
        if command.startswith("@!"):
            pid, _blank, rest = command[2:].partition(" ")
            worker = next((one for one in self.workers if one.pid == int(pid)), None)
            return _GONE.format(pid) if worker is None else worker.answer(rest)
        if command == "reload":
            return self._reload()
        rows = [f"{one.pid} worker 0 0d00h00m08s 3.0.11-1+deb13u3" for one in self.workers]
        return "\n".join(
            ["#<PID>", "1 master 0 0d00h00m08s 3.0.11", "# workers", *rows[:1], "# old workers", *rows[1:]]
        )

    def _reload(self) -> str:
        self.state_at_reload = self.files.server_state.read_text()
        if self.refuses:
            return f"Success=0\n--\n[ALERT]    (1) : {self.refuses}\n"
        self.start_worker()
        return "Success=1\n--\n"


@contextmanager
def serving(haproxy: CliHaproxy) -> Iterator[CliHaproxy]:
    """Answer on the master's socket for as long as the block runs."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            command = self.rfile.read().decode().removesuffix("\n")
            self.wfile.write((haproxy.answer(command) + "\n").encode())

    with socketserver.UnixStreamServer(str(haproxy.files.master_socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield haproxy
        finally:
            server.shutdown()
            thread.join()


def _entries(path: Path) -> list[tuple[str, str]]:
    return [(line.split()[0], line.split()[1]) for line in path.read_text().splitlines()]
