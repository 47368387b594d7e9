# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exception family: one root that modules catch, with what was achieved so far."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core import errors


def test_a_failure_carries_what_was_achieved() -> None:
    error = errors.DeliveryError("no", revision=7, changed=True)
    assert (str(error), error.result) == ("no", {"revision": 7, "changed": True})


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        pytest.param(errors.RegistryError, errors.DeliveryError, id="registry"),
        pytest.param(errors.RegistryUnreachableError, errors.RegistryError, id="unreachable"),
        pytest.param(errors.EngineError, errors.DeliveryError, id="engine"),
        pytest.param(errors.OutOfDateError, errors.DeliveryError, id="out of date"),
        pytest.param(errors.LockLostError, errors.DeliveryError, id="lock lost"),
        pytest.param(errors.LockHeldError, errors.DeliveryError, id="lock held"),
    ],
)
def test_every_kind_can_be_caught_by_its_parent(kind: type[Exception], parent: type[Exception]) -> None:
    with pytest.raises(parent):
        raise kind("no")


def test_a_lost_lock_is_told_from_a_moved_index() -> None:
    # Somebody else's change may be tried again, a lost lock may not.
    assert not issubclass(errors.LockLostError, errors.OutOfDateError)
