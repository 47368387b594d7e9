# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What is left of a stack beside the services that releases made, and removing it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ..core.labels import PROJECT_LABEL, STACK_LABEL, TARGET_LABEL
from ..ports.engine import Remains

Call = Callable[..., Any]


def find_remains(api: Any, call: Call, project: str) -> Remains:
    """C(call) makes a call of the SDK's client C(api) and raises EngineError."""
    ours = {"label": f"{PROJECT_LABEL}={project}"}
    stack = {"label": f"{STACK_LABEL}={project}"}
    services = call(api.services)
    of_stack = [item for item in services if _label(item, STACK_LABEL) == project]
    others = [item for item in services if _label(item, STACK_LABEL) != project]
    used = {
        network["Target"] for item in others for network in item["Spec"].get("TaskTemplate", {}).get("Networks") or ()
    }
    networks = call(api.networks, filters=stack)
    return Remains(
        objects=_names(item["Spec"] for listing in (api.configs, api.secrets) for item in call(listing, filters=ours)),
        networks=_names(item for item in networks if item["Id"] not in used),
        volumes=_names(call(api.volumes, filters=stack).get("Volumes") or ()),
        strangers=_names(item["Spec"] for item in of_stack if _label(item, PROJECT_LABEL) != project),
        shared_networks=_names(item for item in networks if item["Id"] in used),
    )


def remove_found(
    api: Any, call: Call, project: str, remains: Remains, refusals: tuple[type[Exception], ...]
) -> Remains:
    """Remove what find_remains() found; what the engine refuses with C(refusals), because it is used, is returned."""
    remove_unused(api, call, project, remains.objects, refusals)
    for item in call(api.networks, filters={"label": f"{STACK_LABEL}={project}"}):
        if item["Name"] in remains.networks:
            with contextlib.suppress(*refusals):
                api.remove_network(item["Id"])
    left = find_remains(api, call, project)
    return Remains(
        objects=tuple(name for name in remains.objects if name in left.objects),
        networks=tuple(name for name in remains.networks if name in left.networks),
    )


def remove_unused(
    api: Any, call: Call, project: str, names: Collection[str], refusals: tuple[type[Exception], ...]
) -> None:
    """Remove those configs and secrets of a project, by name, that no service uses: the engine refuses the others."""
    if not names:
        return
    for listing, removal in ((api.configs, api.remove_config), (api.secrets, api.remove_secret)):
        for item in call(listing, filters={"label": f"{PROJECT_LABEL}={project}"}):
            if item["Spec"]["Name"] in names:
                with contextlib.suppress(*refusals):
                    removal(item["ID"])


def targets_with(api: Any, call: Call, label: str) -> set[tuple[str, str]]:
    """Project and target of every service with this label."""
    labels = [item["Spec"].get("Labels") or {} for item in call(api.services, filters={"label": label})]
    return {(one.get(PROJECT_LABEL, ""), one.get(TARGET_LABEL, "")) for one in labels}


def _label(item: Mapping[str, Any], name: str) -> str | None:
    value = (item["Spec"].get("Labels") or {}).get(name)
    return None if value is None else str(value)


def _names(items: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(item["Name"] for item in items))
