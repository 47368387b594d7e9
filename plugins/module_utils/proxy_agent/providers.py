# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The proxies that the agent can drive, and the one place that knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..core.errors import DeliveryError
from ..core.names import nearest
from .driver import ProxyDriver
from .haproxy.haproxy_driver import HaproxyDriver
from .proxy_settings import Settings

_DRIVERS: Mapping[str, Callable[[Settings], ProxyDriver]] = {HaproxyDriver.provider: HaproxyDriver}


def driver_for(settings: Settings) -> ProxyDriver:
    """The driver that the settings name; raises DeliveryError when there is none of that name."""
    make = _DRIVERS.get(settings.provider)
    if make is None:
        raise DeliveryError(
            f"provider '{settings.provider}' is no proxy that this agent can drive"
            f"{nearest(settings.provider, _DRIVERS)}: use {' or '.join(sorted(_DRIVERS))}"
        )
    return make(settings)
