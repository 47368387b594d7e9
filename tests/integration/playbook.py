# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the real ansible-playbook of this checkout, as a user would, and look at all that came of it.

result = Playbook("deploy.yml", {"target": "app"}, {"BOOKS_MS_VERSION": "2"}).run()
assert result.succeeded, result
assert result.of("proxy_reconfigure").values["revision"] == 3

running = Playbook("deploy.yml", {"target": "app"}).start()
running.wait_for_task("blue_green_deploy")   # until that task has started
running.kill()                               # -9, with everything it started
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .processes import Family

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
DEADLINE = 180.0  # seconds for a whole run; no story takes a third of it


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one task ended on one host. C(status): ok, changed, failed, ignored, skipped, unreachable."""

    name: str
    action: str
    host: str
    status: str
    at: float  # monotonic seconds
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """A run that is over. C(started) and C(ended) are seconds of the monotonic clock."""

    rc: int
    stdout: str
    stderr: str
    tasks: list[TaskResult]
    started: float
    ended: float
    command: list[str] = field(repr=False)

    @property
    def succeeded(self) -> bool:
        return self.rc == 0

    @property
    def changed(self) -> list[TaskResult]:
        return [task for task in self.tasks if task.status == "changed"]

    @property
    def failure(self) -> str:
        """The message of the task that failed last; '' when none did."""
        failed = [task for task in self.tasks if task.status in ("failed", "unreachable")]
        return str(failed[-1].values.get("msg", "")) if failed else ""

    def all_of(self, module: str) -> list[TaskResult]:
        """The results of a module, by its short name, in the order of the run; skipped tasks are not among them."""
        return [t for t in self.tasks if t.action.rpartition(".")[2] == module and t.status != "skipped"]

    def of(self, module: str) -> TaskResult:
        """The last result of a module."""
        found = self.all_of(module)
        if not found:
            raise LookupError(f"no task of this run used {module}:\n{self}")
        return found[-1]

    def __str__(self) -> str:
        """What to read when a test fails."""
        seconds = self.ended - self.started
        return f"{' '.join(self.command)}\nexit code {self.rc} after {seconds:.1f} s\n{self.stdout}{self.stderr}"


class Playbook:
    """A command to come. C(extra) become extra vars, C(environment) is added to this process's own."""

    def __init__(
        self,
        playbook: str,
        extra: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        check: bool = False,
        diff: bool = False,
        options: tuple[str, ...] = (),
        directory: Path = ROOT,
    ) -> None:
        self.command = [str(ANSIBLE_PLAYBOOK), str(ROOT / playbook)]
        if extra:
            self.command += ["--extra-vars", json.dumps(dict(extra))]
        self.command += ["--check"] * check + ["--diff"] * diff + list(options)
        self.environment = dict(environment or {})
        self.directory = directory

    def run(self, timeout: float = DEADLINE) -> PlaybookResult:
        """Run to the end; TimeoutError (with everything killed) when that takes too long."""
        return self.start().wait(timeout)

    def start(self) -> RunningPlaybook:
        return RunningPlaybook(self.command, self.environment, self.directory)


class RunningPlaybook:
    """A run in progress, its output going to files. C(pid) is that of ansible-playbook itself."""

    def __init__(self, command: list[str], environment: Mapping[str, str], directory: Path) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="dockerflow-run-")
        folder = Path(self._files.name)
        self._results, self._stdout, self._stderr = folder / "results", folder / "stdout", folder / "stderr"
        self._results.touch()
        self.command = command
        self.started = time.monotonic()
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=os.environ | _recording(self._results) | environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self.family = Family(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def over(self) -> bool:
        return self._process.poll() is not None

    def output(self) -> str:
        """What the terminal shows by now."""
        return self._stdout.read_text(encoding="utf-8", errors="replace")

    def started_tasks(self) -> list[str]:
        """The modules (short names) of the tasks that have started by now, in order."""
        return [event["action"].rpartition(".")[2] for event in self._events() if event["event"] == "started"]

    def wait_for_task(self, module: str, timeout: float = 60.0) -> None:
        """Wait until a task of this module has started. An error when the run ends before."""
        end = time.monotonic() + timeout
        while module not in self.started_tasks():
            if self.over or time.monotonic() > end:
                raise AssertionError(f"the task {module} never started:\n{self.wait(timeout=5)}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the run and everything it started, as when the controller loses power."""
        self.family.kill()
        self._process.wait(timeout=10)

    def kill_only_ansible(self) -> None:
        """SIGKILL to ansible-playbook alone, as C(kill -9) does: a module that runs goes on by itself."""
        self._process.kill()
        self._process.wait(timeout=10)

    def freeze(self) -> None:
        """SIGSTOP to the run and everything it started, as when a laptop goes to sleep."""
        self.family.freeze()

    def thaw(self) -> None:
        self.family.thaw()

    def wait(self, timeout: float = DEADLINE) -> PlaybookResult:
        """Until the run is over; TimeoutError (with everything killed) when that takes more than C(timeout) seconds."""
        try:
            rc = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise TimeoutError(f"still running after {timeout:.0f} s:\n{self.output()}") from error
        return PlaybookResult(
            rc=rc,
            stdout=self.output(),
            stderr=self._stderr.read_text(encoding="utf-8", errors="replace"),
            tasks=[
                TaskResult(e["task"], e["action"], e["host"], e["event"], e["at"], e["result"])
                for e in self._events()
                if e["event"] != "started"
            ],
            started=self.started,
            ended=time.monotonic(),
            command=self.command,
        )

    def _events(self) -> list[dict[str, Any]]:
        events = []
        for line in self._results.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # a line that is being written, or was when it was killed
                events.append(json.loads(line))
        return events


def _recording(results: Path) -> dict[str, str]:
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callback_plugins")),
        "ANSIBLE_CALLBACKS_ENABLED": "recorded_results",
        "RECORDED_RESULTS": str(results),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
