# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Another structure where the routes ask for one, without the routes that the proxy refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ...core.errors import DeliveryError
from ...routes.route import Route
from ..driver import Desired, ProxyAwayError, ProxyDriver, ProxyError, RunningProxy

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Restructured:
    """What came of it.

    C(routes): those that are to be in effect now. C(errors): by service, why another version is not. C(successor): what
    runs now, None when nothing was replaced. C(undone): it was tried and the old structure is back.
    """

    routes: Mapping[str, Route]
    errors: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    successor: RunningProxy | None = None
    undone: bool = False


class Restructuring:
    """Remembers the last structure that was refused, so that the proxy is not asked again in each pass.

    What was not the proxy's word, a full disk say, is tried again each time.
    """

    def __init__(self, driver: ProxyDriver) -> None:
        self._driver = driver
        self._refused = ""
        self._errors: Mapping[str, str] = {}
        self._why: tuple[str, ...] = ()
        self._warned = ""

    def retry_refused(self) -> None:
        """Give what was refused another chance the next time."""
        self._refused, self._errors, self._why = "", {}, ()

    def run(
        self, running: RunningProxy, routes: Mapping[str, Route], desired: Desired, good: Mapping[str, Route]
    ) -> Restructured:
        """Restructure if C(running) needs it for C(routes); those refused fall back to their C(good) version.

        Raises ProxyAwayError; whatever else goes wrong leaves the structure as it was and is in the result.
        """
        present = running.structure()
        wanted = self._driver.structure_of(routes.values())
        if wanted == present:
            self._warned = ""
            return Restructured(routes)
        if wanted == self._refused:
            return Restructured(fall_back(routes, good, self._errors), self._errors, self._why)
        errors: dict[str, str] = {}
        accepted = routes
        try:
            refusal = self._driver.refusal(routes.values())
            if refusal is not None:
                LOG.warning("%s", refusal)
                suspects = restructured_services(routes, good, self._driver.structure_of)
                errors = find_culprits(self._driver, good, (routes[service] for service in suspects))
                errors = errors or dict.fromkeys(suspects, refusal.reason)
                self._remember(wanted, errors)
                accepted = fall_back(routes, good, errors)
                if self._driver.structure_of(accepted.values()) == present:
                    return Restructured(accepted, errors)
            return Restructured(accepted, errors, successor=self._driver.restructure(accepted.values(), desired))
        except ProxyAwayError:
            raise
        except DeliveryError as error:
            if str(error) != self._warned:
                LOG.warning("the configuration stays as it was: %s", error)
            self._warned = str(error)
            suspects = restructured_services(accepted, good, self._driver.structure_of)
            errors = {**dict.fromkeys(suspects, str(error)), **errors}
            if isinstance(error, ProxyError):
                self._remember(wanted, errors, str(error))
            return Restructured(fall_back(accepted, good, errors), errors, (str(error),), undone=True)

    def _remember(self, structure: str, errors: Mapping[str, str], *why: str) -> None:
        """C(why) is told as long as it is not tried again, for it may be no route's fault."""
        self._refused, self._errors, self._why = structure, errors, why


def restructured_services(
    routes: Mapping[str, Route], good: Mapping[str, Route], structure_of: Callable[[Collection[Route]], str]
) -> list[str]:
    """The services whose own part of the structure differs from the last good one."""
    return [
        service
        for service, route in routes.items()
        if service not in good or structure_of([route]) != structure_of([good[service]])
    ]


def find_culprits(driver: ProxyDriver, good: Mapping[str, Route], suspects: Iterable[Route]) -> dict[str, str]:
    """Which of the suspects the proxy refuses, each tried alone beside the good routes; by service, why."""
    culprits = {}
    for route in suspects:
        refusal = driver.refusal({**good, route.service: route}.values())
        if refusal is not None:
            culprits[route.service] = f"{driver.title} does not accept the route of '{route.service}': {refusal.reason}"
    return culprits


def fall_back(routes: Mapping[str, Route], good: Mapping[str, Route], refused: Collection[str]) -> dict[str, Route]:
    """The routes with the last good version in place of each refused one; one that was never good is left out."""
    kept = {service: route for service, route in routes.items() if service not in refused}
    return {**kept, **{service: good[service] for service in refused if service in good}}
