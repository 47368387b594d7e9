# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What users would see: one request through the front door of every proxy that is alive."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from ..core.errors import DeliveryError
from ..ports.fleet import Snapshot, front_doors
from ..routes.route import Route

# Seconds that one request may take.
REQUEST_TIMEOUT = 5.0


def is_good(status: int) -> bool:
    """Whether the service answered: anything but an error of the server's, and 404, which is no route at all."""
    return status < 500 and status != 404


def ask(address: str, host: str | None, path: str) -> int:
    """The status of C(GET path) at a proxy's front address; raises OSError when nothing answers in time."""
    door = urlsplit(address)
    connection = http.client.HTTPConnection(door.hostname or "", door.port or 80, timeout=REQUEST_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer ({error!r})") from error
    finally:
        connection.close()


def ask_all(fleet: Snapshot, route: Route, path: str) -> None:
    """Ask for C(path) once through every living proxy; raises DeliveryError that names the first bad answer."""
    host = route.hosts[0] if route.hosts else None
    for name, address in front_doors(fleet).items():
        try:
            status = ask(address, host, path)
            said = f"status {status}"
        except OSError as error:
            status, said = None, str(error)
        if status is None or not is_good(status):
            where = f"{address}{path}" + (f" (Host {host})" if host else "")
            raise DeliveryError(
                f"proxy '{name}' does not serve '{route.service}' at {where}: {said}; see why the service fails there, "
                f"or correct front_door_path"
            )
