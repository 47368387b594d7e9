# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""docker-flow.yml: the settings that a project brings along, as its author wrote them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import DeliveryError
from ..syntax.documents import read_text
from .encrypted_files import is_encrypted
from .resolution import FILE_NAME
from .written import decrypted, parse_written

# Makes text of what Ansible Vault encrypted; raises DeliveryError with the rest of a sentence that says why not.
Decrypt = Callable[[str], str]


def no_vault(_ciphertext: str) -> str:
    """For those who have no vault secrets."""
    raise DeliveryError("cannot be decrypted here: put the value into a file of variables and give it with -e @<file>")


def read_flow_file(root: Path, decrypt: Decrypt = no_vault) -> dict[str, Any]:
    """The content of C(docker-flow.yml) in the project directory, every value a text; empty when there is none.

    The file as a whole and each value (C(!vault)) may be encrypted. Raises DeliveryError.
    """
    path = root / FILE_NAME
    if not path.is_file():
        return {}
    text = read_text(path)
    if is_encrypted(text.encode()):
        try:
            text = decrypt(text)
        except DeliveryError as error:
            raise DeliveryError(f"'{path}' is encrypted with Ansible Vault and {error}") from error
    content = parse_written(text, str(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DeliveryError(f"'{path}' holds no settings: write one per line, as target: app")
    return {str(name): decrypted(value, decrypt, f"{name} in {FILE_NAME}") for name, value in content.items()}
