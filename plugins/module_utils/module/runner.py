# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The one way in which a module runs a stage: connect, lock, truth, plan, check or do, result.

    connect   the module's own: it refuses bad input first, then connects
    lock      the run of the target, resumed or taken; none in check mode
    truth     what holds and what is recorded; where these do not know of one another, nothing is guessed
    plan      the module's own: decided from these two, touching nothing
    check     in check mode the plan is the result
    do        else it is carried out under the journal, or what stands already is made sure of
    result    what the plan says and the doing adds, the diff; a failure says the stage and the reason

A module is its plan and its do.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ..core.errors import DeliveryError, result_of
from ..release.certainty import refuse_to_guess
from ..release.journal import journal
from ..release.record import ReleaseRecord
from ..release.release import Release
from ..release.run import utc_now
from ..release.truth import Truth
from .held_run import held_run

Result = dict[str, Any]


def _nothing() -> Result:
    return {}


@dataclass(frozen=True, slots=True)
class Planned:
    """What a stage is going to do.

    C(result) is what the module returns of it, and C(before) and C(after) are its diff, all without having touched
    anything. C(do) carries it out, C(settle) makes sure of what stands when there is nothing to change, C(foretell) is
    asked in check mode alone and may refuse what C(do) would; each returns what it adds to the result, and perhaps
    C(warnings), one sentence each. C(goal): see JournalEntry. C(unfinished): a run that was killed left something to
    C(do) although nothing changes for users.
    """

    changed: bool
    result: Result = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    do: Callable[[], Result] = _nothing
    settle: Callable[[], Result] = _nothing
    foretell: Callable[[], Result] = _nothing
    goal: str | None = None
    unfinished: bool = False


def run_stage(
    module: AnsibleModule,
    stage: str,
    connect: Callable[[], Release],
    plan: Callable[[Release, Truth, ReleaseRecord], Planned],
    *,
    keep_failed: bool = False,
    certain: bool = True,
) -> NoReturn:
    """Run a stage from its arguments to its result.

    C(keep_failed): see held_run(). C(certain) False is for a stage that is right whatever runs or is served without the
    store's knowing of it: see refuse_to_guess(). It also decides itself what the record says of that.
    """

    def body() -> Result:
        release = connect()
        with held_run(module, release, stage, keep_failed=keep_failed):
            truth, record = release.truth(), release.record.read()
            if certain:
                refuse_to_guess(release, truth, record)
            if certain:
                record = (
                    record.caught_up(truth.live, truth.served, utc_now())
                    if module.check_mode
                    else release.record.catch_up(truth)
                )
            planned = plan(release, truth, record)
            result: Result = {"changed": planned.changed, **planned.result}
            if planned.before is not None and planned.after is not None:
                result["diff"] = {"before": planned.before, "after": planned.after}
            if module.check_mode:
                result.update(planned.foretell())
            elif planned.changed or planned.unfinished:
                with journal(release, stage, planned.goal):
                    result.update(planned.do())
            else:
                result.update(planned.settle())
        for warning in result.pop("warnings", ()):
            module.warn(warning)
        return result

    finish(module, body, stage)


def finish(module: AnsibleModule, body: Callable[[], Result], stage: str | None = None) -> NoReturn:
    """Run the body and end with its result, or with why it failed and what was achieved.

    A failure names the C(stage), for who reads only its last line. What is nobody's DeliveryError is a fault of this
    collection: it ends as such, with its traceback.
    """
    try:
        result = body()
    except DeliveryError as error:
        _fail(module, stage, str(error), error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must end as Ansible expects
        kind = type(error).__name__
        _fail(module, stage, f"internal error ({kind}: {error}): report it with the traceback", error, with_trace=True)
    finally:
        if module.params.get("progress_file"):
            Path(module.params["progress_file"]).unlink(missing_ok=True)
    if "keep_run" in module.params:
        result = {"run": module.params["run"], **result}
    module.exit_json(**result)


def _fail(
    module: AnsibleModule, stage: str | None, text: str, error: Exception, *, with_trace: bool = False
) -> NoReturn:
    message = f"stage {stage}: {text}" if stage is not None else text
    trace = {"exception": "".join(traceback.format_exception(error))} if with_trace else {}
    # None unless the run is kept, see held_run().
    kept = {"run": module.params["run"]} if module.params.get("keep_run") else {}
    module.fail_json(msg=message, **{"changed": False, **kept, **result_of(error), **trace})
