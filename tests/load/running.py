# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load beside a test: a process of its own, so the test's own work delays no request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from .report import Outcome, Report

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE = 10.0  # seconds until the first answers
END_DEADLINE = 30.0  # seconds for the requests on their way at the end


class Load:
    """``with Load(url, rate=300, out=path) as load:`` fires until the block ends; then ``load.report`` is complete.

    Entering waits until ten requests succeeded, so the block runs under load from its first line. Further arguments
    are those of the command line: ``Load(url, out=path, post_path="/echo")`` passes ``--post-path /echo``.
    """

    def __init__(self, url: str, *, out: Path, rate: float = 300, wait: bool = True, **options: str | float) -> None:
        self.out = out
        self._wait = wait
        self._command = [sys.executable, "-m", "tests.load", "--until-signal", f"--url={url}", f"--rate={rate}"]
        self._command += [f"--out={out}"]
        self._command += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self._process: subprocess.Popen[str] | None = None
        self.report = Report([])

    def __enter__(self) -> Self:
        self.out.touch()
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if self._wait:
            try:
                self.wait_for_answers(10)
            except BaseException:
                self.kill()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def so_far(self) -> Report:
        """The requests that have ended by now (the file is up to 0.1 s behind)."""
        return Report.read(self.out)

    def wait_for_answers(self, number: int, version: str | None = None, after: float = 0.0) -> None:
        """Wait until ``number`` requests that began at or after ``after`` succeeded (answered by ``version``)."""
        end = time.monotonic() + START_DEADLINE
        while time.monotonic() < end:
            records = self.so_far().between(after).records
            good = [r for r in records if r.outcome is Outcome.OK and version in (None, r.version)]
            if len(good) >= number:
                return
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"the load ended by itself with {self._process.returncode}: {self._command}")
            time.sleep(0.05)
        wanted = f"{number} answers of {version or 'any version'}"
        raise TimeoutError(f"no {wanted} within {START_DEADLINE} s: {self.so_far()}")

    def stop(self) -> Report:
        """End the load and read what became of every request. A second call gives the same report."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.communicate(timeout=END_DEADLINE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            self._process = None
            self.report = Report.read(self.out)
        return self.report

    def kill(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None
