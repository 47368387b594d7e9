# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Files of a project that Ansible Vault encrypted: none is ever used as it stands.

Those whose content only containers read (environment files, configs, secrets) are decrypted on their way to the
manager.
Those that say what the project is are read on the controller first, by Compose's own rules, and are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..core.errors import DeliveryError

_HEADER = b"$ANSIBLE_VAULT;"


def is_encrypted(content: bytes) -> bool:
    """Whether the whole of a file is encrypted, by its first bytes."""
    return content.startswith(_HEADER)


def refuse_encrypted(paths: Iterable[Path]) -> None:
    """Raise DeliveryError for a Compose file or C(.env) that is encrypted as a whole or holds an encrypted value.

    Files that do not exist are somebody else's to miss.
    """
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if _HEADER not in content:
            continue
        what = "is encrypted" if is_encrypted(content) else "holds a value that is encrypted"
        raise DeliveryError(
            f"'{path}' {what} with Ansible Vault, which Compose would take for text: write ${{NAME}} where the secret "
            f"belongs, and NAME with its !vault value under env in docker-flow.yml or in a file given with -e @<file>"
        )


def encrypted_files(root: Path, paths: Iterable[str]) -> list[str]:
    """Those of C(paths), relative to C(root), that are encrypted as a whole."""
    found = []
    for name in paths:
        try:
            with (root / name).open("rb") as file:
                if is_encrypted(file.read(len(_HEADER))):
                    found.append(name)
        except OSError as error:
            raise DeliveryError(f"'{root / name}' cannot be read: {error}") from error
    return found
