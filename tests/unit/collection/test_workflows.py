# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows run what everybody runs here, on every supported ansible-core. Their form is checked by a linter."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def load(path: Path) -> Any:
    # BaseLoader, because YAML 1.1 makes a flag of the key `on`.
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def commands(workflow: Path) -> Iterator[str]:
    for job in load(workflow)["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                yield step["run"]


def supported_cores() -> list[str]:
    """Those that ansible-test has an ignore file for, which are those that it is run with."""
    return sorted(path.stem.removeprefix("ignore-") for path in (ROOT / "tests/sanity").glob("ignore-*.txt"))


def make_targets() -> set[str]:
    listed = subprocess.run(
        ["make", "--question", "--print-data-base", "--no-builtin-rules", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return set(re.findall(r"^([.\w/-]+):", listed.stdout, re.MULTILINE))


def test_all_gates_run_on_every_change_and_every_week() -> None:
    workflow = load(ROOT / ".github/workflows/test.yml")
    assert {"push", "pull_request", "schedule"} <= set(workflow["on"])
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow["on"]["schedule"][0]["cron"])
    assert any(command.endswith(" .ci/run") for command in commands(ROOT / ".github/workflows/test.yml"))


def test_sanity_runs_on_every_supported_core() -> None:
    matrix = load(ROOT / ".github/workflows/test.yml")["jobs"]["sanity"]["strategy"]["matrix"]["core"]
    assert matrix == supported_cores()
    lowest = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    assert lowest == f">={matrix[0]}.0"
    (listed,) = re.findall(r"^CORES := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed.split() == matrix


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_ends_by_itself_and_may_only_read(workflow: Path) -> None:
    document = load(workflow)
    assert document["permissions"] == {"contents": "read"}
    assert all(int(job["timeout-minutes"]) > 0 for job in document["jobs"].values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_command_exists(workflow: Path) -> None:
    targets = make_targets()
    for command in commands(workflow):
        subprocess.run(["bash", "-n"], input=command, text=True, check=True, timeout=10)
        for name in re.findall(r"(?:^| )((?:scripts|\.ci)/[\w./-]+)", command):
            assert (ROOT / name).stat().st_mode & 0o100, command
        for target in re.findall(r"^make ([^\s$]+)(?:\$\{\{ matrix.core \}\})?", command):
            assert any(known.startswith(target) for known in targets), command


def test_the_changelog_command_of_the_makefile_exists() -> None:
    assert "release-changelog" in make_targets()
