# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one gate, show what it prints, and remember how many of its checks passed and failed.

    gate check NAME COMMAND…      the command is one check
    gate pytest NAME COMMAND…     each test is one; --junit-xml is added to the command
    gate sanity NAME COMMAND…     each sanity test of ansible-test is one
    gate molecule NAME COMMAND…   each action of each scenario is one
    gate reset                    forget all results
    gate summary                  print "N passed, N failed" over all results; 1 when one failed or none ran

A gate whose command fails counts at least one failure, whatever its output says. The exit status is the command's.
With GATE_LINES=named each line begins with the gate's name, to be told from those of gates that run beside it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

RESULTS = Path(__file__).resolve().parent.parent / ".cache" / "results"
COLORS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Count:
    """How many checks of one gate passed, failed and were skipped."""

    passed: int
    failed: int
    skipped: int = 0


def count_check(output: str, status: int, report: Path) -> Count:
    """One command, one check."""
    return Count(int(status == 0), int(status != 0))


def count_pytest(output: str, status: int, report: Path) -> Count:
    """Counts of the JUnit report, which is missing when pytest could not start."""
    if not report.exists():
        return Count(0, 1)
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    # A test whose teardown fails too stands in the report as a failure and an error.
    failed = min(failures + errors, tests)
    return Count(tests - failed - skipped, failed, skipped)


def count_sanity(output: str, status: int, report: Path) -> Count:
    """Tests that ansible-test started, less those it lists at its end as failed."""
    started = set(re.findall(r'^Running sanity test "([\w-]+)"', output, re.MULTILINE))
    closing = re.search(r"sanity test\(s\) listed below.*?\n(.*)", output, re.DOTALL)
    failed = (
        {word for line in closing.group(1).splitlines() for word in line.split()[:1]} & started if closing else set()
    )
    return Count(len(started - failed), len(failed))


def count_molecule(output: str, status: int, report: Path) -> Count:
    """Actions in the details that molecule ends with; its own recap counts some of them only once."""
    details = output.partition("\nDETAILS")[2]
    outcomes = re.findall(r"^[\w.-]+ \S [\w-]+: Executed: (\w+)", details, re.MULTILINE)
    passed = sum(outcome == "Successful" for outcome in outcomes)
    failed = sum(outcome == "Failed" for outcome in outcomes)
    return Count(passed, failed, len(outcomes) - passed - failed)


KINDS: dict[str, Callable[[str, int, Path], Count]] = {
    "check": count_check,
    "pytest": count_pytest,
    "sanity": count_sanity,
    "molecule": count_molecule,
}


def run(kind: str, name: str, command: list[str]) -> int:
    """Run the command, pass its output on line by line, write the result file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    if kind == "pytest":
        command = [*command, f"--junit-xml={report}"]
    started = time.monotonic()
    print(f"== {name}: {' '.join(command)}", flush=True)
    prefix = f"{name}: " if os.environ.get("GATE_LINES") == "named" else ""
    lines: list[str] = []
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                sys.stdout.write(prefix + line)
                sys.stdout.flush()
                lines.append(line)
        status = process.returncode
    except OSError as error:
        print(error)
        status = 127
    count = KINDS[kind](COLORS.sub("", "".join(lines)), status, report)
    if status != 0 and count.failed == 0:
        count = Count(count.passed, 1, count.skipped)
    (RESULTS / f"{name}.json").write_text(json.dumps(asdict(count)), encoding="utf-8")
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    seconds = time.monotonic() - started
    print(f"== {name}: {count.passed} passed, {count.failed} failed{skipped} in {seconds:.0f} s", flush=True)
    return status


def summary() -> int:
    """Print the one line that says how everything went."""
    counts = [Count(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(RESULTS.glob("*.json"))]
    failed = sum(count.failed for count in counts)
    passed = sum(count.passed for count in counts)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


def main(arguments: list[str]) -> int:
    """Dispatch; see the top of the file."""
    match arguments:
        case ["reset"]:
            shutil.rmtree(RESULTS, ignore_errors=True)
            return 0
        case ["summary"]:
            return summary()
        case [kind, name, *command] if kind in KINDS and command:
            return run(kind, name, command)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
