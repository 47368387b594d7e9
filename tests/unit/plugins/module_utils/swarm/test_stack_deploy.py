# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker command line: how it is called, and that nothing of a document with secrets remains."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import EngineError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import StackDocument, stack_document
from ansible_collections.dockerflow.delivery.plugins.module_utils.swarm.stack_deploy import stack_deploy
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop

REMEMBER = """#!/bin/sh
file=$(printf '%s\\n' "$@" | sed -n '/^--compose-file$/{n;p}')
{ printf '%s ' "$@"; echo; env; stat -c '%a %n' "$(dirname "$file")" "$file"; } > "$0.said"
"""


@pytest.fixture
def document() -> StackDocument:
    return stack_document(shop(), "app", "blue")


def command(directory: Path, script: str) -> tuple[str]:
    """A docker command line that does this."""
    path = directory / "docker"
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return (str(path),)


@pytest.mark.parametrize(("auth", "option"), [(False, ""), (True, " --with-registry-auth")])
def test_how_it_is_called(
    tmp_path: Path, document: StackDocument, monkeypatch: pytest.MonkeyPatch, auth: bool, option: str
) -> None:
    monkeypatch.setenv("BOOKS_MS_VERSION", "2")  # would be interpolated a second time
    docker = command(tmp_path, REMEMBER)
    stack_deploy(document, docker_host="unix:///x", timeout=10, with_registry_auth=auth, command=docker)
    said = (tmp_path / "docker.said").read_text(encoding="utf-8")
    first, *rest = said.splitlines()
    path = first.split()[5]
    assert first.strip() == f"stack deploy --resolve-image never --compose-file {path}{option} shop"
    assert "DOCKER_HOST=unix:///x" in rest
    assert not any(line.startswith("BOOKS_MS_VERSION") for line in rest)
    assert rest[-2:] == [f"700 {Path(path).parent}", f"600 {path}"]
    assert not Path(path).parent.exists()


def test_what_it_says_is_returned_without_noise(tmp_path: Path, document: StackDocument) -> None:
    script = "#!/bin/sh\necho 'Since --detach=false was not specified, tasks'\necho 'Updating service shop_app-blue'\n"
    assert stack_deploy(document, docker_host="", timeout=10, command=command(tmp_path, script)) == [
        "Updating service shop_app-blue"
    ]


def test_a_refusal_has_dockers_reason(tmp_path: Path, document: StackDocument) -> None:
    script = "#!/bin/sh\necho 'Creating network'\necho 'network is in use' >&2\nexit 1\n"
    with pytest.raises(
        EngineError, match=r"^docker stack deploy of 'shop' failed: Creating network \| network is in use$"
    ):
        stack_deploy(document, docker_host="", timeout=10, command=command(tmp_path, script))


def test_a_refusal_without_a_word(tmp_path: Path, document: StackDocument) -> None:
    with pytest.raises(EngineError, match=r"failed: exit code 3$"):
        stack_deploy(document, docker_host="", timeout=10, command=command(tmp_path, "#!/bin/sh\nexit 3\n"))


def test_a_command_that_hangs_is_ended(tmp_path: Path, document: StackDocument) -> None:
    with pytest.raises(EngineError, match=r"^docker stack deploy of 'shop' did not end within 0\.1 s"):
        stack_deploy(document, docker_host="", timeout=0.1, command=command(tmp_path, "#!/bin/sh\nexec sleep 60\n"))


def test_no_command_line(document: StackDocument) -> None:
    with pytest.raises(EngineError, match=r"^the docker command line 'no-such-docker' is not installed here"):
        stack_deploy(document, docker_host="", timeout=10, command=("no-such-docker",))


def test_a_command_that_may_not_be_run(tmp_path: Path, document: StackDocument) -> None:
    (tmp_path / "docker").touch(mode=0o644)
    with pytest.raises(EngineError, match="Permission denied"):
        stack_deploy(document, docker_host="", timeout=10, command=(str(tmp_path / "docker"),))


def test_a_disk_that_is_full(document: StackDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(StackDocument, "write", full)
    with pytest.raises(EngineError, match="No space left on device"):
        stack_deploy(document, docker_host="", timeout=10)
