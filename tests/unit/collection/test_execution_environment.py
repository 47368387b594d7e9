# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-builder makes of the collection: loose requirements, none of the checkout's pins."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
BUILDER = Path(sys.executable).with_name("ansible-builder")
EXAMPLE = ROOT / "examples/execution-environment/execution-environment.yml"


def packages(text: str) -> list[str]:
    return re.findall(r"^([\w-]+)[=>]=", text, re.MULTILINE)


def test_builder_takes_the_requirements_of_meta(tmp_path: Path) -> None:
    collection = tmp_path / "ansible_collections/dockerflow/delivery"
    collection.parent.mkdir(parents=True)
    collection.symlink_to(ROOT)
    found = subprocess.run(
        [BUILDER, "introspect", tmp_path], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    read = yaml.safe_load(found)
    assert [line.partition("  #")[0] for line in read["python"]] == ["docker>=7.0", "py-consul>=1.8"]
    assert [line.partition(" ")[0] for line in read["system"]] == ["openssh-clients", "openssh-client"]


def test_it_wants_what_the_modules_want() -> None:
    wanted = packages((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert packages((ROOT / "meta/ee-requirements.txt").read_text(encoding="utf-8")) == wanted


def test_the_example_is_one_that_builder_takes(tmp_path: Path) -> None:
    command = [BUILDER, "create", "--file", EXAMPLE, "--context", tmp_path / "context"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dockerflow.delivery" in (tmp_path / "context/_build/requirements.yml").read_text(encoding="utf-8")
