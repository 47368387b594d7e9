# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller packs, and what the module gets of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.dockerflow.delivery.plugins.action import progress, release_files
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.archive import unpack

SECRET = [("default", VaultSecret(b"open sesame"))]
MODULE = "dockerflow.delivery.release_files"


class Bringing(release_files.ActionModule):
    """The action with a module that reads what it gets, as the real one would."""

    seen: dict[str, bytes]
    options: dict[str, Any]
    archive: Path

    def _execute_module(self, **call: Any) -> dict[str, Any]:
        if str(call["module_name"]).endswith("release_files"):
            self.options = dict(call["module_args"])
            self.archive = Path(self.options["src"])
            self.seen = unpack(self.archive)
        return {"changed": True}


@pytest.fixture
def action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bringing:
    monkeypatch.setenv(progress.SWITCH, "no")
    (tmp_path / "conf").mkdir()
    (tmp_path / "compose.yaml").write_bytes(b"services: {}")
    (tmp_path / "conf/app.env").write_bytes(b"A=1")
    (tmp_path / ".env").write_bytes(b"B=2")
    task = Task()
    task.action, task.check_mode, task.async_val = MODULE, False, 0
    task.args = {"src": str(tmp_path), "files": ["compose.yaml", "conf/app.env"], "dest": "/srv", "target": "app"}
    task._resolved_action = MODULE
    loader = DataLoader()
    loader.set_vault_secrets(SECRET)
    connection = connection_loader.get("local", PlayContext())
    return Bringing(task, connection, PlayContext(), loader, Templar(loader, {}), None)


def test_the_module_gets_the_files_that_are_named_and_no_others(action: Bringing) -> None:
    given = dict(action._task.args)
    assert action.run() == {"changed": True}
    assert action.seen == {"compose.yaml": b"services: {}", "conf/app.env": b"A=1"}
    assert {**action.options, "src": given["src"]} == given
    assert action._task.args == given, "a retry packs again"


def test_only_its_owner_reads_the_archive_while_it_is_there(action: Bringing, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    monkeypatch.setattr(action, "_remove_tmp_path", lambda path: modes.append(Path(path).stat().st_mode & 0o777))
    action.run()
    assert modes == [0o700]


def test_nothing_of_it_is_left(action: Bringing) -> None:
    action.run()
    assert action._connection._shell.tmpdir is None


def test_what_vault_encrypted_as_a_whole_arrives_decrypted(action: Bringing, tmp_path: Path) -> None:
    (tmp_path / "conf/app.env").write_bytes(VaultLib(SECRET).encrypt(b"PASSWORD=hunter2"))
    action.run()
    assert action.seen["conf/app.env"] == b"PASSWORD=hunter2"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("gone.env", None, id="gone since it was listed"),
        pytest.param("other.env", VaultLib([("x", VaultSecret(b"another"))]).encrypt(b"A=1"), id="another password"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    action: Bringing, tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    action._task.args["files"] = [name]
    result = action.run()
    assert result["failed"]
    assert result["msg"].startswith(f"file '{name}' of the project in '{tmp_path}' cannot be read: ")
