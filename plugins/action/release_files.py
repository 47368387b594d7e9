# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs a project's files on the controller and brings them to the module, which is documented in plugins/modules.

One archive and not file by file: what arrives is all of it or nothing.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.dockerflow.delivery.plugins.action.progress import ActionModule as Followed
from ansible_collections.dockerflow.delivery.plugins.module_utils.compose.archive import pack


class ActionModule(Followed):
    """Replaces the directory on the controller by an archive on the managed host, and runs the module as all others."""

    TRANSFERS_FILES = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pack, bring, run the module."""
        given = dict(self._task.args)
        source, names = given.get("src"), given.get("files")
        if not isinstance(source, str) or not isinstance(names, list):
            return super().run(tmp, task_vars)  # the module says what is missing
        files: dict[str, bytes] = {}
        for name in map(str, names):
            try:
                files[name] = self._content(Path(source).expanduser() / name)
            except (AnsibleError, OSError) as error:
                return {"failed": True, "msg": f"file '{name}' of the project in '{source}' cannot be read: {error}"}
        shell = self._connection._shell  # noqa: SLF001 - as every action that transfers files does
        if shell.tmpdir is None:
            self._make_tmp_path()
        remote = shell.join_path(shell.tmpdir, "project.tar")
        with tempfile.NamedTemporaryFile(prefix="docker-flow-", suffix=".tar") as archive:
            pack(files, archive.file)
            archive.flush()
            self._transfer_file(archive.name, remote)  # type: ignore[no-untyped-call]
        self._fixup_perms2((shell.tmpdir, remote))  # type: ignore[no-untyped-call]
        self._task.args = {**given, "src": remote}
        try:
            return super().run(tmp, task_vars)
        finally:
            self._task.args = given
            self._remove_tmp_path(shell.tmpdir)  # type: ignore[no-untyped-call]

    def _content(self, path: Path) -> bytes:
        """What a file holds, decrypted if Vault encrypted it."""
        real = self._loader.get_real_file(str(path))
        try:
            return Path(real).read_bytes()
        finally:
            if os.path.realpath(real) != os.path.realpath(path):
                self._loader.cleanup_tmp_file(real)
