# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker-flow.yml, with what Ansible Vault encrypted in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.flow_file import read_flow_file

VAULT = "$ANSIBLE_VAULT;1.1;AES256\n6162"
VALUE = "!vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n"


def write(directory: Path, text: str) -> Path:
    (directory / "docker-flow.yml").write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"env:\n  PASS: {VALUE}", {"env": {"PASS": "secret"}}, id="in a mapping"),
        pytest.param(f"preview_token: {VALUE}", {"preview_token": "secret"}, id="a setting"),
        pytest.param(f"service_domain:\n  - {VALUE}  - b\n", {"service_domain": ["secret", "b"]}, id="in a list"),
    ],
)
def test_an_encrypted_value(tmp_path: Path, text: str, expected: object) -> None:
    asked: list[str] = []

    def decrypt(ciphertext: str) -> str:
        asked.append(ciphertext.strip())
        return "secret"

    assert read_flow_file(write(tmp_path, text), decrypt) == expected
    assert asked == [VAULT]


def test_an_encrypted_file(tmp_path: Path) -> None:
    assert read_flow_file(write(tmp_path, VAULT), lambda _text: "target: 007") == {"target": "007"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param(f"env:\n  PASS: {VALUE}", r"^'PASS' of env in docker-flow\.yml is encrypted", id="value"),
        pytest.param(VAULT, r"^'.*/docker-flow\.yml' is encrypted", id="file"),
    ],
)
def test_without_a_password_it_is_refused(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(
        DeliveryError, match=where + r" with Ansible Vault and cannot be decrypted here: put .* -e @<file>$"
    ):
        read_flow_file(write(tmp_path, text))
