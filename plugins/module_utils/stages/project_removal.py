# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The stage remove: a target, or a whole project, is taken away altogether.

Its routes go first, and its containers only once every proxy has confirmed that and the last request has ended. The
record goes last: a run that was killed is finished by the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..compose import snapshot
from ..core.color import COLORS
from ..core.errors import DeliveryError
from ..core.waiting import wait_until
from ..evidence.draining import wait_until_left
from ..ports.engine import Engine, Remains, ServiceState
from ..release.release import Release
from ..release.run import Run
from ..release.truth import Truth
from .removal import forget, forget_others, gives_up, take_off
from .stop import time_to_end

STAGE = "remove"

# Seconds until the engine has let go of the networks of containers that ended.
_RELEASE_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class How:
    """Seconds: until every proxy must have confirmed, for open requests to end, and for containers to end."""

    timeout: float
    drain_timeout: float
    stop_timeout: float


@dataclass(frozen=True, slots=True)
class Leaving:
    """One target that goes, with what there is of it."""

    release: Release
    truth: Truth
    services: tuple[ServiceState, ...]
    recorded: bool

    @property
    def routed(self) -> bool:
        """Whether the proxies have to give up anything."""
        return gives_up(self.truth)

    @property
    def is_there(self) -> bool:
        """Whether there is anything of it."""
        return self.routed or self.recorded or bool(self.services)


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """What goes. C(side_services) go with the whole project alone, C(remains) are configs, secrets and networks.

    C(kept) is what stays, by kind. C(emptied): nothing of the stack is left then, and what was brought to C(directory),
    if any is given, goes too; else only what the targets read there.
    """

    project: str
    targets: tuple[Leaving, ...]
    side_services: tuple[ServiceState, ...] = ()
    remains: Remains = field(default_factory=Remains)
    kept: dict[str, list[str]] = field(default_factory=dict)
    emptied: bool = False
    directory: Path | None = None

    @property
    def services(self) -> tuple[ServiceState, ...]:
        """All services that go, those of the targets first."""
        return (*(service for target in self.targets for service in target.services), *self.side_services)

    @property
    def changed(self) -> bool:
        """Whether anything goes."""
        return any(target.is_there for target in self.targets) or any(self.shown().values())

    @property
    def _has_copies(self) -> bool:
        return self.directory is not None and snapshot.is_there(self.directory.parent, self.directory.name)

    def shown(self) -> dict[str, list[str]]:
        """What goes, by kind."""
        return {
            "routes": [target.release.service for target in self.targets if target.routed],
            "services": [service.name for service in self.services],
            "configs_and_secrets": list(self.remains.objects),
            "networks": list(self.remains.networks),
            "directories": [str(self.directory)] if self._has_copies and self.emptied else [],
            "records": [target.release.service for target in self.targets if target.recorded],
        }


def plan_removal(
    engine: Engine, project: str, releases: Sequence[Release], *, whole: bool, directory: str | None = None
) -> RemovalPlan:
    """What goes with these targets of a project, or with the C(whole) of it. Touches nothing.

    C(directory) is where copies of the project's files are; it goes with the last of the stack.
    Raises DeliveryError where a target runs that nobody else knows of: see refuse_unknown().
    """
    targets = tuple(_leaving(release) for release in releases)
    for target in targets:
        refuse_unknown(target)
    of_targets = {service.name for target in targets for service in target.services}
    others = tuple(one for one in engine.project_services(project) if one.name not in of_targets)
    released = [one.name for one in others if one.spec] if whole else []
    if released:
        raise DeliveryError(f"service '{released[0]}' was released meanwhile, so nothing was touched: run it again")
    side_services = others if whole else ()
    staying = () if whole else others
    found = engine.remains(project)
    emptied = not staying and not found.strangers
    if emptied:
        remains = Remains(objects=found.objects, networks=found.networks)
    else:
        going = _objects(service for target in targets for service in target.services) | _objects(side_services)
        remains = Remains(objects=tuple(sorted((going - _objects(staying)) & set(found.objects))))
    kept = {
        "volumes": list(found.volumes),
        "services": [*(one.name for one in staying), *found.strangers],
        "networks": list(found.shared_networks),
    }
    copies = Path(directory) if directory is not None else None
    # What a container mounts from a relative path is data, as volumes are.
    data = snapshot.data_of(copies.parent, copies.name) if copies is not None else []
    if data:
        kept["directories"] = [str(path) for path in data]
    return RemovalPlan(project, targets, side_services, remains, kept, emptied, copies)


def refuse_unknown(target: Leaving) -> None:
    """Raise DeliveryError where what runs cannot be taken from users in good order.

    A wrong prefix, or a foreign or wiped store, looks like a target that no proxy leads to while users are on it.
    """
    release, truth = target.release, target.truth
    if not any(truth.running.values()):
        return
    if any(proxy.member for proxy in truth.fleet.values()):
        if truth.route is not None or truth.tombstone is not None or target.recorded or target.routed:
            return
        reason = "neither Consul nor any proxy knows of it"
    else:
        reason = "Consul knows of no proxy that could confirm that no user is on it"
    running = " and ".join(sorted(color for color, count in truth.running.items() if count > 0))
    raise DeliveryError(
        f"colour {running} of '{release.service}' runs, but {reason}, so nothing was touched: correct consul_prefix "
        f"('{release.prefix}') or consul_addresses, or, if no proxy leads to it, end it with docker service rm "
        f"{' '.join(service.name for service in target.services)} first"
    )


def refuse_side_target(engine: Engine, project: str, target: str) -> None:
    """Raise DeliveryError where the target is none but was brought up with others."""
    service = engine.service(engine.service_name(project, target))
    colors = [engine.service(engine.service_name(project, target, color)) for color in COLORS]
    if service is not None and not service.spec and not any(colors):
        raise DeliveryError(
            f"target '{target}' of project '{project}' is a side target, which others use: it goes with the whole "
            f"project, -e project={project} without a target"
        )


def remove(engine: Engine, plan: RemovalPlan, how: How) -> dict[str, Any]:
    """Take all of it away; every target's lock is held. Returns C(cut): by service, requests per proxy that outlasted
    the drain deadline."""
    run = plan.targets[0].release.run if plan.targets else None
    for target in plan.targets:
        target.release.run.progress(f"giving up the route of {target.release.service} on every proxy")
        take_off(target.release, target.truth, how.timeout)
    cut = {target.release.service: wait_until_left(target.release, how.drain_timeout) for target in plan.targets}
    for target in plan.targets:
        _stop_colors(target, how)
    for service in plan.services:
        if run is not None:
            run.renew()
        engine.remove(service)
    for service in plan.services:
        _wait_until_ended(engine, service, time_to_end(service, how.stop_timeout), run)
    _remove_remains(engine, plan, run)
    _remove_copies(plan)
    tidy_up(plan)
    for target in plan.targets:
        target.release.record.delete()
    return {"cut": {service: still for service, still in cut.items() if still}}


def settle(plan: RemovalPlan, how: How) -> dict[str, Any]:
    """Nothing is there: make sure that every proxy agrees, where a killed run did not wait for it."""
    for target in plan.targets:
        take_off(target.release, target.truth, how.timeout)
    tidy_up(plan)
    return {}


def tidy_up(plan: RemovalPlan) -> None:
    """Delete the tombstones that nobody needs any more."""
    for target in plan.targets:
        forget(target.release)
    if plan.targets:
        forget_others(plan.targets[0].release)


def _leaving(release: Release) -> Leaving:
    release.record.read_what_is_sound()  # not what another project has under this name
    truth = release.truth(forgiving=True)
    in_place = release.color_service(None)
    services = [*truth.services.values(), *([in_place] if in_place is not None and in_place.spec else [])]
    return Leaving(release, truth, tuple(services), release.record.is_there())


def _objects(services: Collection[ServiceState] | Iterator[ServiceState]) -> set[str]:
    return {name for service in services for name in service.objects}


def _stop_colors(target: Leaving, how: How) -> None:
    """End the containers while their services are there.

    From the state that is known, so that the engine refuses what another run changed meanwhile; and a run that is
    killed here is finished by the next, which still finds them.
    """
    release = target.release
    stopped = [release.engine.scale(service, 0) for service in release.fence_services().values()]
    for service in stopped:
        _wait_until_ended(release.engine, service, time_to_end(service, how.stop_timeout), release.run)


def _wait_until_ended(engine: Engine, service: ServiceState, timeout: float, run: Run | None) -> None:
    def report(_elapsed: float) -> None:
        if run is not None:
            run.renew()
            run.progress(f"waiting for the containers of {service.name} to end")

    if not wait_until(lambda: all(task.gone for task in engine.not_ended(service)), timeout, on_wait=report):
        raise DeliveryError(
            f"containers of service '{service.name}' did not end within {timeout:g} s after the stop signal "
            f"(stop_timeout): look at their node, then run it again"
        )


def _remove_copies(plan: RemovalPlan) -> None:
    directory = plan.directory
    if directory is None:
        return
    home, project = directory.parent, directory.name
    try:
        if plan.emptied:
            snapshot.discard(home, project)
        else:
            snapshot.discard_snapshots(home, project, (target.release.target for target in plan.targets))
    except OSError as error:
        raise DeliveryError(f"directory '{directory}' could not be removed ({error.strerror}): remove it") from error


def _remove_remains(engine: Engine, plan: RemovalPlan, run: Run | None) -> None:
    left = plan.remains

    def removed() -> bool:
        nonlocal left
        left = engine.remove_remains(plan.project, left) if left.objects or left.networks else left
        return not left.objects and not left.networks

    def report(_elapsed: float) -> None:
        if run is not None:
            run.renew()
            run.progress(f"waiting until nothing uses {', '.join([*left.networks, *left.objects])}")

    if not wait_until(removed, _RELEASE_TIMEOUT, on_wait=report):
        raise DeliveryError(
            f"{', '.join([*left.networks, *left.objects])} of project '{plan.project}' could not be removed within "
            f"{_RELEASE_TIMEOUT:g} s, because something uses it: end that, then run it again"
        )
