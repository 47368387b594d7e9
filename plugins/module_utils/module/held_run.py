# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The lock around a stage: taken or resumed as a module's arguments say, renewed meanwhile, given back or kept."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..core.errors import RegistryError
from ..release.lock import Holder, Renewal, RunLock
from ..release.release import Release
from ..release.run import utc_now


@contextmanager
def held_run(module: AnsibleModule, release: Release, stage: str, *, keep_failed: bool = False) -> Iterator[None]:
    """Hold the lock of the target's run during a stage; in check mode there is no lock, because nothing changes.

    With C(run) the stage goes on with a run, else it starts one. The run ends with the stage unless C(keep_run) is set
    and the stage succeeded; then the next stage gets it as C(run). With C(keep_failed) also when it failed: whoever
    called it clears up under the same lock.
    """
    if module.check_mode:
        yield
        return
    parameters = module.params
    lock = release.run.taken = enter(parameters, release, stage)
    renewal = Renewal(release.store, lock.run, parameters["lock_ttl"])
    renewal.start()
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        renewal.finish()
        if parameters["keep_run"] and (succeeded or keep_failed):
            parameters["run"] = lock.run
        else:
            parameters["run"] = None
            with suppress(RegistryError):  # what the stage did or why it failed says more; the lock expires by itself
                lock.give_back()


def enter(parameters: Mapping[str, Any], release: Release, stage: str) -> RunLock:
    """Go on with C(run) in this stage, or start a run as the C(lock_*) arguments say."""
    holder = holder_of(parameters, stage)
    if holder.run:
        return RunLock.resume(release.store, release.keys.lock, holder)
    return RunLock.take(
        release.store,
        release.keys.lock,
        holder,
        ttl=parameters["lock_ttl"],
        wait=parameters["lock_wait"],
        take_over=parameters["take_over"],
        on_wait=lambda elapsed: release.run.progress(f"{elapsed:.0f} s: waiting for the lock of {release.service}"),
    )


def holder_of(parameters: Mapping[str, Any], stage: str) -> Holder:
    """Who runs this stage, by default C(user@host)."""
    return Holder(parameters["owner"] or _default_owner(), utc_now(), stage, parameters["run"] or "")


def _default_owner() -> str:
    user = os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{user}@{socket.gethostname()}"
