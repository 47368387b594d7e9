# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine once more, as a manager that is reached over SSH, as managers are; it needs no SSH server of its own.

with ssh_machine(folder) as inventory: …        # ansible-playbook -i <inventory>: its one host is this machine
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .playbook import ROOT
from .swarm import eventually

IMAGE = "dockerflow/node:trixie"
USER = "root"


@contextmanager
def ssh_machine(folder: Path, name: str) -> Iterator[Path]:
    """A real SSH server, in a container called C(name), whose sessions are on this machine. The inventory to use."""
    subprocess.run([str(ROOT / "images/build"), "node"], check=True, timeout=900)
    for key in ("client", "server"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / key))
    port = _free_port()
    options = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": "/keys/server",
        "AuthorizedKeysFile": "/keys/client.pub",
        "StrictModes": "no",  # the keys are in a directory of the test
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "ChrootDirectory": "/machine",
        "Subsystem": "sftp internal-sftp",
        # Else bash does what this machine's user does when he logs in, and a run that is killed leaves that half done.
        "SetEnv": "SHLVL=2",
    }
    server = ["--entrypoint=/usr/sbin/sshd", IMAGE, "-D", "-e", *(f"-o{key}={value}" for key, value in options.items())]
    mounts = ["--volume=/:/machine", f"--volume={folder}:/keys:ro", "--tmpfs=/run/sshd:mode=755"]
    subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False, timeout=60)
    _run("docker", "run", "--detach", f"--name={name}", "--network=host", "--pid=host", *mounts, *server)
    try:
        eventually(lambda: _answers(port), "the SSH server answers")
        inventory = folder / "ssh.json"
        inventory.write_text(json.dumps(_inventory(folder, port)), encoding="utf-8")
        yield inventory
    finally:
        _run("docker", "rm", "--force", name)


def _inventory(folder: Path, port: int) -> dict[str, object]:
    known = f"{port} ".join(("[127.0.0.1]:", (folder / "server.pub").read_text(encoding="utf-8")))
    (folder / "known_hosts").write_text(known, encoding="utf-8")
    reached = {
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(folder / "client"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={folder}/known_hosts",
        "ansible_python_interpreter": sys.executable,
        "ansible_become_exe": str(_sudo(folder)),
    }
    return {"all": {"children": {"managers": {"hosts": {"m1": reached}}}}}


def _sudo(folder: Path) -> Path:
    """What stands for sudo, which a machine whose only user is root need not have."""
    path = folder / "sudo"
    path.write_text('#!/bin/bash\nwhile [[ $1 == -* ]]; do [[ $1 == -u ]] && shift; shift; done\nexec "$@"\n')
    path.chmod(0o755)
    return path


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
