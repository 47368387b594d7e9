# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gate counts, from what the tools print; a gate that miscounts would hide a failure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.scripts import gate

SANITY = """\
Running sanity test "ansible-doc"
Running sanity test "import" on Python 3.11
Running sanity test "pep8"
ERROR: Found 1 pep8 issue(s) which need to be resolved:
ERROR: plugins/modules/x.py:1:1: E302: expected 2 blank lines
Running sanity test "yamllint"
"""
SANITY_END = """\
FATAL: The 2 sanity test(s) listed below (out of 4) failed. See error output above for details.
import --python 3.11
pep8
"""
MOLECULE = """\
INFO     [default > create] Executed: Successful
ERROR    [default > converge] Executed: Failed

DETAILS
default > syntax: Executed: Missing playbook
default > create: Executed: Successful
default \u279c converge: Executed: Failed

SCENARIO RECAP
default                   : actions=3  successful=1  disabled=0  skipped=0  missing=1  failed=1
"""
JUNIT = """\
<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10"/></testsuites>
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [(SANITY, (4, 0)), (SANITY + SANITY_END, (2, 2)), ("", (0, 0))],
    ids=["all-passed", "two-failed", "did-not-start"],
)
def test_sanity(output: str, expected: tuple[int, int]) -> None:
    count = gate.count_sanity(output, 0, Path("unused"))
    assert (count.passed, count.failed) == expected


def test_molecule_counts_each_action_once() -> None:
    assert gate.count_molecule(MOLECULE, 1, Path("unused")) == gate.Count(1, 1, 1)


def test_pytest_reads_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(JUNIT, encoding="utf-8")
    assert gate.count_pytest("", 1, report) == gate.Count(4, 3, 3)
    assert gate.count_pytest("", 1, tmp_path / "missing.xml") == gate.Count(0, 1)


@pytest.mark.parametrize(
    ("programs", "status", "line"),
    [
        (["pass"], 0, "1 passed, 0 failed"),
        (["pass", "raise SystemExit(3)"], 1, "1 passed, 1 failed"),
        ([], 1, "0 passed, 0 failed"),
    ],
    ids=["passed", "one-failed", "nothing-ran"],
)
def test_summary_line(
    programs: list[str],
    status: int,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gate, "RESULTS", tmp_path)
    for number, program in enumerate(programs):
        gate.main(["check", f"gate-{number}", sys.executable, "-c", program])
    assert gate.main(["summary"]) == status
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_failing_command_is_never_all_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "RESULTS", tmp_path)
    assert gate.main(["sanity", "sanity", sys.executable, "-c", "raise SystemExit(1)"]) == 1
    assert gate.main(["summary"]) == 1


def test_command_that_is_not_there_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "RESULTS", tmp_path)
    assert gate.main(["check", "missing", str(tmp_path / "no-such-program")]) == 127
