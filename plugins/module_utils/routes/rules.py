# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What a path, a host name and a preview's token may look like; a message names the option, the value and the fix."""

from __future__ import annotations

from ..core.errors import DeliveryError
from ..core.names import is_dns_label

SHORTEST_TOKEN = 16


def check_path(path: str, option: str = "service_path") -> None:
    """A path starts with a slash and holds only visible ASCII characters that need no quoting in a proxy's map."""
    if not path.startswith("/"):
        raise DeliveryError(f"{option} '{path}' has no leading slash: write '/{path}'")
    if not all("!" <= character <= "~" and character not in "\"'\\#?%{}$;" for character in path):
        raise DeliveryError(
            f"{option} '{path}' has a character that no route allows: use letters, digits and /._~-+:@!*(),=&"
        )


def check_host(host: str) -> None:
    """A host is made of DNS labels, without a port."""
    if not host or not all(is_dns_label(label) for label in host.lower().split(".")):
        raise DeliveryError(f"service_domain '{host}' is not a host name such as www.example.com (no port, no scheme)")


def check_token(token: str, option: str = "preview_token") -> None:
    """A preview's token cannot be guessed and is a header's value. The message does not show it."""
    if len(token) < SHORTEST_TOKEN or not all("!" <= character <= "~" for character in token):
        raise DeliveryError(
            f"{option} must have {SHORTEST_TOKEN} or more visible ASCII characters: leave it out, and every release "
            f"gets one of its own"
        )
