# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as somebody has it who never saw a checkout: built, and installed into an empty home.

installed = InstalledCollection(folder)          # builds the tarball and installs it
result = installed.playbook("deploy", directory, "--extra-vars", "target=app")

Every command of it runs where the checkout is hidden: an empty folder lies over it, in a mount namespace of the
command's own. Of the checkout only the virtual environment shines through, which has Ansible and community.docker.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .playbook import ROOT

BIN = Path(sys.executable).parent
# What Ansible's rules for collections promise is there at run time; the story does without the rest.
NEEDED = ("MANIFEST.json", "FILES.json", "meta", "playbooks", "plugins", "roles")
# The bind mounts that were there before go with the namespace; nothing of this reaches other processes.
HIDING = """
set -eu
venv=$1 checkout=$2 directory=$3
shift 3
mount --bind "$venv" /mnt
mount -t tmpfs none "$checkout"
mkdir -p "$venv"
mount --move /mnt "$venv"
cd "$directory"
PWD=$directory exec "$@"
"""

# This machine as role docker and the other roles find it already; a copy of what inventory/local.yml says.
INVENTORY = """
all:
  hosts:
    local:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
      node_address: >-
        {{ lookup('ansible.builtin.pipe', 'ip -4 -oneline address show docker0 2>/dev/null || true')
           | regex_search('[0-9.]+(?=/)') | default('172.17.0.1', true) }}
  children:
    managers: {hosts: {local: }}
    proxies: {hosts: {local: }}
  vars:
    docker_venv: ""
    docker_daemon_options: {}
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that is over."""

    rc: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks changed something, over all hosts, as the recap says."""
        found = re.findall(r"\bchanged=(\d+)", self.output)
        assert found, f"no recap:\n{self.output}"
        return sum(map(int, found))


class InstalledCollection:
    """The tarball of this checkout, installed into C(folder)/home."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.inventory = folder / "inventory.yml"
        self.inventory.write_text(INVENTORY, encoding="utf-8")
        subprocess.run(
            [BIN / "ansible-galaxy", "collection", "build", "--output-path", folder, ROOT],
            check=True,
            capture_output=True,
            timeout=120,
        )
        (self.tarball,) = folder.glob("dockerflow-delivery-*.tar.gz")
        # Forced, because the link in the virtual environment counts as an installed one.
        result = self.run(
            [str(BIN / "ansible-galaxy"), "collection", "install", "--offline", "--force", str(self.tarball)], folder
        )
        assert result.rc == 0, result.output
        self.root = self.home / ".ansible/collections/ansible_collections/dockerflow/delivery"
        for path in self.root.iterdir():
            if path.name not in NEEDED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def run(self, command: list[str], directory: Path, timeout: float = 300) -> Finished:
        """Run a command where the checkout is hidden, with an environment of its own."""
        hidden = ["unshare", "--mount", "--propagation", "private", "sh", "-c", HIDING, "sh"]
        environment = {
            "HOME": str(self.home),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
        }
        finished = subprocess.run(
            [*hidden, str(BIN.parent), str(ROOT), str(directory), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(finished.returncode, f"{shlex.join(command)}\n{finished.stdout}")

    def playbook(self, name: str, directory: Path, *options: str, **environment: str) -> Finished:
        """Run a playbook of the collection by its full name, as the README says."""
        variables = [f"{key}={value}" for key, value in environment.items()]
        command = ["env", *variables, *self._ansible_playbook(), f"dockerflow.delivery.{name}", *options]
        return self.run(command, directory)

    def own_playbook(self, playbook: Path, *options: str) -> Finished:
        """Run a playbook that somebody wrote, which uses the collection's roles."""
        return self.run([*self._ansible_playbook(), str(playbook), *options], playbook.parent)

    def _ansible_playbook(self) -> list[str]:
        return [str(BIN / "ansible-playbook"), "--inventory", str(self.inventory)]
