# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The release record of one target in the store: read by everybody, changed under the lock of the run."""

from __future__ import annotations

import json
from collections.abc import Callable

from ..core.errors import DeliveryError, OutOfDateError
from ..ports.store import Store
from .keys import Keys
from .record import ReleaseRecord
from .run import Run, utc_now
from .truth import Truth


class DamagedRecordError(DeliveryError):
    """What stands there, at C(index), is no record."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


class StoredRecord:
    """One key. An index of 0 means that nothing was recorded yet."""

    def __init__(self, store: Store, keys: Keys, run: Run, project: str, target: str) -> None:
        self._store = store
        self._keys = keys
        self._run = run
        self._project = project
        self._target = target

    def read(self) -> ReleaseRecord:
        """The release record, an empty one when nothing was recorded yet.

        Raises DeliveryError when another target has this service name: 'shop' with 'api-app' makes the same one as
        'shop-api' with 'app', or somebody chose it for both. Neither may take the other's route.
        """
        return self._read()[0]

    def change(self, change: Callable[[ReleaseRecord], ReleaseRecord]) -> ReleaseRecord:
        """Apply a transition to the record; nothing is written when it changes nothing."""
        lock = self._run.lock
        record, index = self._read()
        changed = change(record)
        if changed != record:
            text = json.dumps(changed.to_document(self._keys.service), sort_keys=True)
            if not self._store.put_if_held(self._keys.record, text, index, lock.key, lock.run):
                self._run.renew()  # a lost lock says more
                raise OutOfDateError(f"the record of '{self._keys.service}' was changed by somebody else meanwhile")
        return changed

    def read_what_is_sound(self) -> ReleaseRecord:
        """The record, an empty one where it is damaged too: for who removes it anyway."""
        try:
            return self.read()
        except DamagedRecordError:
            return ReleaseRecord(self._project, self._target)

    def is_there(self) -> bool:
        """Whether anything is recorded, in whatever state."""
        return self._store.get(self._keys.record) is not None

    def delete(self, *, if_damaged: bool = False) -> None:
        """Delete the record, also a damaged one, or only such, if nothing moved meanwhile and the lock is ours."""
        try:
            found = self._read()[1]
            index = 0 if if_damaged else found
        except DamagedRecordError as error:
            index = error.index
        lock = self._run.lock
        if index and not self._store.delete_if_held(self._keys.record, index, lock.key, lock.run):
            self._run.renew()  # a lost lock says more
            raise OutOfDateError(f"the record of '{self._keys.service}' was changed by somebody else meanwhile")

    def catch_up(self, truth: Truth) -> ReleaseRecord:
        """Record what is live where a run was killed between its flip and the record of it."""
        return self.change(lambda record: record.caught_up(truth.live, truth.served, utc_now()))

    def _read(self) -> tuple[ReleaseRecord, int]:
        entry = self._store.get(self._keys.record)
        if entry is None:
            return ReleaseRecord(self._project, self._target), 0
        try:
            record = ReleaseRecord.from_document(entry.json())
        except DeliveryError as error:
            raise DamagedRecordError(str(error), entry.modify_index) from error
        if (record.project, record.target) != (self._project, self._target):
            raise DeliveryError(
                f"project '{self._project}' and target '{self._target}' have the service name '{self._keys.service}', "
                f"which target '{record.target}' of project '{record.project}' already has: set service_name to "
                f"another one, or rename one of them"
            )
        return record, entry.modify_index
