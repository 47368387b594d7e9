# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Whose fault it is that a proxy has too few instances up: the program's, the registrator's, or the way between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..core.errors import DeliveryError
from ..core.names import color_name
from ..ports.catalog import Instance
from ..ports.engine import TaskState
from ..ports.fleet import ColorStatus, FailedCheck
from ..release.release import Release
from .registration import belongs, unregistered

_LISTEN = (
    "nothing listens there, so it is the program: let it listen on 0.0.0.0, not on 127.0.0.1 or IPv6 alone, and on the "
    "container port that users get (target_port, by default its first port)"
)
_PROGRAM: Mapping[str, str] = {
    "refused": _LISTEN,
    "closed": _LISTEN,
    "unreachable": "the address cannot be reached from the proxy, so it is the network between: open the ports that "
    "Docker publishes on that node to the proxies (docker_published_ports_allow)",
    "timeout": "the program takes the connection and does not answer, so it is the program: see what it waits for, or "
    "correct check_path ('{check_path}')",
    "invalid": "what answers is no plain HTTP/1.1, so it is the program: name the container port that speaks it with "
    "target_port",
    "status": "the program answers '{check_path}' with an error: see why, or name a path that tells when it is ready "
    "with check_path",
}
_STARTING = "; if it needs longer to start, give the service a health check, or raise timeout (not proxy_timeout)"
_NOT_READY = "; if it needs longer to be ready, give the service a health check, or raise proxy_timeout"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known when a colour has too few instances up: C(running) in the engine and C(registered) in the catalog.

    C(short) are the proxies that lack some, C(content) those that have all.
    """

    service: str
    required: int
    check_path: str
    short: Mapping[str, ColorStatus]
    content: tuple[str, ...] = ()
    running: tuple[TaskState, ...] = ()
    registered: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """C(sentence) says whose fault it is and what to do.

    C(program): it is the program's, whose C(log) may tell more; C(task) is the instance to look at, if one stands out.
    """

    sentence: str
    program: bool = False
    task: TaskState | None = None
    log: list[str] = field(default_factory=list)


def judge_blame(scene: Scene) -> Verdict:
    """From what is known to who has to be looked at."""
    if len(scene.running) < scene.required:
        return Verdict(f"only {len(scene.running)} of {scene.required} instances run: see why the program ends", True)
    missing = unregistered(scene.running, scene.registered)
    critical = [task for task in missing if any(belongs(one, task) for one in scene.registered)]
    if critical:
        return Verdict(
            f"a check in Consul says that an instance of '{scene.service}' is not well, so it is the program",
            True,
            critical[0],
        )
    if missing:
        node = missing[0].node_address or missing[0].node_id
        return Verdict(
            f"Consul lists {len(scene.running) - len(missing)} of {len(scene.running)} instances of '{scene.service}', "
            f"so it is neither the program nor the proxy: check that the registrator runs on node {node}"
        )
    lacking = [name for name, said in scene.short.items() if said.servers < scene.required]
    if lacking:
        return Verdict(
            f"Consul lists them all, so it is the proxy: see the log of the agent on {', '.join(lacking)}, or exclude "
            f"it with exclude_proxies"
        )
    failing = [one for said in scene.short.values() for one in said.failing]
    answered = [one for one in failing if one.answered]
    if scene.content and not answered:
        return Verdict(
            f"{', '.join(scene.content)} can reach them, so it is the way from {', '.join(scene.short)}: open the "
            f"ports that Docker publishes on the nodes to it (docker_published_ports_allow), or exclude it with "
            f"exclude_proxies"
        )
    if not failing:
        return Verdict("the proxies do not say what their checks got: see whether the program answers", True)
    worst = min(answered or failing, key=lambda one: one.kind == "unchecked")
    said = _PROGRAM.get(worst.kind, "the proxies are well: see what the program does").format(
        check_path=scene.check_path
    )
    return Verdict(said + (_NOT_READY if worst.answered else _STARTING), True, _task_at(worst, scene))


def blame(release: Release, color: str, required: int, check_path: str, colors: Mapping[str, ColorStatus]) -> Verdict:
    """Ask engine and catalog; C(colors) is what each proxy says of the colour. Never raises: it explains an error."""
    try:
        service = release.color_service(color)
        verdict = judge_blame(
            Scene(
                color_name(release.service, color),
                required,
                check_path,
                {name: said for name, said in colors.items() if said.up < required},
                tuple(name for name, said in colors.items() if said.up >= required),
                tuple(release.engine.running(service)),
                tuple(release.registered(color)),
            )
        )
        if service is None or not verdict.program:
            return verdict
        told = verdict.task or next(iter(release.engine.tasks(service)), None)
        return replace(verdict, log=release.engine.task_log(told.id) if told is not None else [])
    except DeliveryError as error:
        return Verdict(f"nobody could be asked why: {error}")


def _task_at(check: FailedCheck, scene: Scene) -> TaskState | None:
    there = [one for one in scene.registered if f"{one.address}:{one.port}" == check.place]
    return next((task for task in scene.running for one in there if belongs(one, task)), None)
