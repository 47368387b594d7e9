# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Names: what the parts of a release are called in Consul and the proxies, and which names are allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from .errors import DeliveryError

# RFC 1123 label: Consul's DNS interface and Swarm both need one.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_MAX_LABEL = 63


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


def service_name(project: str, target: str) -> str:
    """The name in Consul and in the proxies, C(<project>-<target>); both colours' names must be DNS labels too."""
    check_dns_label("project", project)
    check_dns_label("target", target)
    name = f"{project}-{target}"
    longest = color_name(name, "green")
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
