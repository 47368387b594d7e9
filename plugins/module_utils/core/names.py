# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Names: what the parts of a release are called in Consul and the proxies, and which names are allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from .color import COLORS
from .errors import DeliveryError

# RFC 1123 label: Consul's DNS interface and Swarm both need one.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_MAX_LABEL = 63
# What Swarm takes in the name of a service, behind the project's.
_SWARM_NAME = re.compile(r"[A-Za-z0-9_-]*[A-Za-z0-9]")


def is_dns_label(name: str) -> bool:
    """Whether C(name) is a lower-case DNS label (RFC 1123): a-z, 0-9 and inner hyphens, at most 63 characters."""
    return len(name) <= _MAX_LABEL and _LABEL.fullmatch(name) is not None


def check_dns_label(option: str, name: str) -> str:
    """Return C(name), or raise DeliveryError that names the C(option) it was given for."""
    if is_dns_label(name):
        return name
    raise DeliveryError(
        f"{option} '{name}' is not a valid DNS label: use lower-case letters, digits and inner hyphens, at most "
        f"{_MAX_LABEL} characters"
    )


def check_target_name(option: str, name: str) -> str:
    """Return C(name) of a Compose service, or raise DeliveryError where Swarm would not take it.

    Swarm takes underscores and capitals, which Consul's DNS and the proxies do not: see service_name().
    """
    if len(name) <= _MAX_LABEL and _SWARM_NAME.fullmatch(name):
        return name
    raise DeliveryError(
        f"{option} '{name}' is no name that Swarm takes: rename the service in the Compose file, to letters, digits, "
        f"hyphens and underscores, at most {_MAX_LABEL}"
    )


def refuse_unfit_target(option: str, name: str, project: str | None = None) -> None:
    """Raise DeliveryError, with the way out, for a target after which the service cannot be called."""
    check_target_name(option, name)
    if not is_dns_label(name):
        fitting = _fitting(f"{project}-{name}" if project is not None and is_dns_label(project) else name)
        raise DeliveryError(
            f"{option} '{name}' is not a valid DNS label, which Consul and the proxies need: set service_name to "
            f"'{fitting}' or another name of lower-case letters, digits and inner hyphens, and the Compose service "
            f"keeps its own"
        )


def check_service_name(option: str, name: str) -> str:
    """Return the C(name) that somebody chose for Consul and the proxies, or raise DeliveryError.

    Both colours' names are DNS labels too, and it is not itself the name of another service's colour.
    """
    check_dns_label(option, name)
    longest = max((color_name(name, color) for color in COLORS), key=len)
    if not is_dns_label(longest):
        raise DeliveryError(
            f"{option} '{name}' makes the name '{longest}' of {len(longest)} characters for a colour: shorten it, "
            f"{_MAX_LABEL} is the limit"
        )
    for color in COLORS:
        if name.endswith(f"-{color}"):
            raise DeliveryError(
                f"{option} '{name}' ends like a colour of '{name.removesuffix(f'-{color}')}': leave '-{color}' away, "
                f"it is added"
            )
    return name


def default_service_name(project: str, target: str) -> str:
    """What a service is called that nobody chose a name for; not checked."""
    return f"{project}-{target}"


def service_name(project: str, target: str, chosen: str | None = None) -> str:
    """The name in Consul and in the proxies: C(chosen), else C(<project>-<target>).

    Raises DeliveryError where it, or a colour's name made of it, is no DNS label. Swarm's own names,
    C(<project>_<target>-<color>), have a limit too, which no other name for Consul lifts.
    """
    check_dns_label("project", project)
    name = default_service_name(project, target)
    longest = max((color_name(name, color) for color in COLORS), key=len)
    if chosen:
        check_target_name("target", target)
        if len(longest) > _MAX_LABEL:
            raise DeliveryError(
                f"project '{project}' and target '{target}' make a Swarm service name of {len(longest)} characters: "
                f"set project to a shorter name, {_MAX_LABEL} is the limit"
            )
        return check_service_name("service_name", chosen)
    refuse_unfit_target("target", target, project)
    if not is_dns_label(longest):
        raise DeliveryError(
            f"project '{project}' and target '{target}' make the service name '{longest}' of {len(longest)} "
            f"characters: shorten one of them, {_MAX_LABEL} is the limit"
        )
    return name


def color_name(service: str, color: str) -> str:
    """One colour of a service, C(<service>-<color>), as Consul and the proxies call it."""
    return f"{service}-{color}"


def nearest(name: str, known: Iterable[str]) -> str:
    """' (did you mean X?)' for an error message, or nothing when no known name is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _fitting(name: str) -> str:
    """A DNS label that looks like C(name), with room for a colour behind it."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower())[: _MAX_LABEL - len("-green")].strip("-")
    return label or "app"
