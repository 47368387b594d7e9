# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Store and catalog in one, as the agents still take it."""

from __future__ import annotations

from ..ports.catalog import Instance
from ..ports.store import Entry
from .consul_catalog import ConsulCatalog
from .consul_client import CONSUL_IMPORT_ERROR, Connection, ConsulClient
from .consul_store import ConsulStore

__all__ = ["CONSUL_IMPORT_ERROR", "Connection", "Entry", "Instance", "Registry"]


class Registry(ConsulStore, ConsulCatalog):
    """Both over one connection."""

    def __init__(self, connection: Connection) -> None:
        client = ConsulClient(connection)
        ConsulStore.__init__(self, client)
        ConsulCatalog.__init__(self, client)
        self.connection = connection

    def clone(self) -> Registry:
        """Another one with the same connection, for another thread."""
        return Registry(self.connection)
