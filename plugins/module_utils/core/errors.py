# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The one exception family that modules and agents report."""

from __future__ import annotations

from typing import Any


class DeliveryError(Exception):
    """Something the operator can act on.

    The message is one sentence that names the option, its value and the fix. C(result) holds what had been
    achieved so far, in the module's usual return shape, so that a failure tells as much as a success.
    """

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(message)
        self.result: dict[str, Any] = result


def add_result(error: Exception, **result: Any) -> None:
    """Note on an error, of whatever kind, what had been achieved or cleared up."""
    known = result_of(error)
    known.update(result)
    if not isinstance(error, DeliveryError):
        error.__dict__["result"] = known


def result_of(error: Exception) -> dict[str, Any]:
    """What add_result() noted on an error, or a DeliveryError was raised with."""
    return error.result if isinstance(error, DeliveryError) else error.__dict__.get("result", {})


class RegistryError(DeliveryError):
    """Consul did not do what was asked: unreachable, without a leader, or it refused."""


class RegistryUnreachableError(RegistryError):
    """No Consul address answered in time."""


class EngineError(DeliveryError):
    """Docker did not do what was asked."""


class OutOfDateError(DeliveryError):
    """What a plan was made from has moved meanwhile; nothing was applied."""


class LockLostError(DeliveryError):
    """This run no longer holds the lock of its target: its session expired or somebody took over."""


class LockHeldError(DeliveryError):
    """Another run holds the lock of the target."""
