# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Whether a service of a Compose project can be released, and what to change where it cannot."""

from __future__ import annotations

from collections.abc import Collection

from ..compose.project import ComposeProject
from ..core.errors import DeliveryError
from .published_ports import main_port
from .service import Service


def check_target(project: ComposeProject, target: str, *, colored: bool = True, target_port: int | None = None) -> int:
    """The container port that the proxy sends users to: C(target_port), else the target's first TCP port.

    C(colored): its releases are blue and green. Raises DeliveryError, with the fix, when it cannot be released.
    """
    service = project.service(target)
    check_image(project, target, service, "target")
    where = ", ".join(project.files)
    mode = (service.get("deploy") or {}).get("mode", "replicated")
    if colored and mode != "replicated":
        raise DeliveryError(
            f"target '{target}' has deploy.mode '{mode}', which has no number of instances to carry over: "
            f"remove it in {where} or set blue_green to false"
        )
    if service.get("network_mode") == "host":
        raise DeliveryError(
            f"target '{target}' has network_mode 'host', where two releases cannot listen on one port: "
            f"remove network_mode and list the port under ports in {where}"
        )
    check_networks(project, target, set())
    return main_port(target, list(service.get("ports") or ()), target_port, where, service.get("expose") or [])


def check_networks(project: ComposeProject, target: str, internal: Collection[str]) -> None:
    """Raise DeliveryError when no proxy could reach the target because of the networks it is on.

    C(internal) are those external networks, by name, that are known to be internal.
    """
    service = project.service(target)
    where = ", ".join(project.files)
    if service.get("network_mode") == "none":
        raise DeliveryError(
            f"target '{target}' has network_mode 'none', where no proxy reaches it: remove network_mode in {where}"
        )
    if is_internal(project, service, internal):
        which = ", ".join(f"'{key}'" for key in service.get("networks") or ("default",))
        raise DeliveryError(
            f"target '{target}' is only on {which}, internal as that is, where Docker publishes no port and no proxy "
            f"reaches it: add a network that is not internal to service '{target}' in {where}, for example 'default'"
        )


def is_internal(project: ComposeProject, service: Service, internal: Collection[str] = ()) -> bool:
    """Whether a service is on internal networks only, where Docker publishes no port in host mode."""
    defined = project.document.get("networks") or {}
    joined = service.get("networks") or ("default",)
    return all((defined.get(key) or {}).get("internal") or _name(project, key) in internal for key in joined)


def external_networks(project: ComposeProject, target: str) -> set[str]:
    """The names of the networks of the target that are not made by its stack."""
    defined = project.document.get("networks") or {}
    return {
        _name(project, key)
        for key in project.service(target).get("networks") or ()
        if (defined.get(key) or {}).get("external")
    }


def _name(project: ComposeProject, key: str) -> str:
    given = (project.document.get("networks") or {}).get(key) or {}
    return str(given.get("name") or key)


def check_image(project: ComposeProject, name: str, service: Service, option: str) -> None:
    """Raise DeliveryError when a service that was named in C(option) has no image that a Swarm could start."""
    if not service.get("image"):
        builds = "only build" if service.get("build") else "no image"
        raise DeliveryError(
            f"{option} '{name}' has {builds}, and a Swarm does not build: build and push the image, then name it "
            f"with 'image:' in {', '.join(project.files)}"
        )
