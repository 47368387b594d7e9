# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Connecting a module to Docker and Consul, as its arguments say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..consul.consul_catalog import ConsulCatalog
from ..consul.consul_client import Connection, ConsulClient
from ..consul.consul_store import ConsulStore
from ..consul.proxy_reports import ReportedFleet
from ..core.errors import DeliveryError
from ..ports.catalog import Catalog
from ..ports.engine import Engine
from ..ports.fleet import Fleet
from ..ports.store import Store
from ..release.release import Release
from ..release.run import Run
from ..swarm.swarm_engine import SwarmEngine
from .progress_file import progress_writer


@dataclass(frozen=True, slots=True)
class Connected:
    """The outside, for one thread. C(prefix) is that of the keys in the store and ends with a slash."""

    engine: Engine
    store: Store
    catalog: Catalog
    fleet: Fleet
    prefix: str

    def release(self, project: str, target: str, run: Run | None = None, service_name: str | None = None) -> Release:
        """One target there; C(service_name) is what somebody chose to call it."""
        return Release(
            engine=self.engine,
            store=self.store,
            catalog=self.catalog,
            fleet=self.fleet,
            prefix=self.prefix,
            project=project,
            target=target,
            run=run or Run(),
            service_name=service_name,
        )


def connect(parameters: Mapping[str, Any]) -> Connected:
    """Everything that the C(consul_*) and C(docker_*) arguments name. Nothing is changed by connecting."""
    store, catalog = connect_consul(parameters)
    prefix = prefix_of(parameters)
    return Connected(
        engine=SwarmEngine(parameters["docker_host"], parameters["docker_timeout"]),
        store=store,
        catalog=catalog,
        fleet=ReportedFleet(store, prefix, frozenset(parameters.get("exclude_proxies") or ())),
        prefix=prefix,
    )


def connect_release(parameters: Mapping[str, Any], project: str | None = None) -> Release:
    """The target that the arguments name, with all that its stages work with."""
    run = Run(progress_writer(parameters.get("progress_file")))
    named = parameters.get("service_name")
    release = connect(parameters).release(project or parameters["project"], parameters["target"], run, named)
    release.store.get(release.keys.lock)  # unreachable, a wrong token or datacenter: said before anything is touched
    return release


def connect_consul(parameters: Mapping[str, Any]) -> tuple[Store, Catalog]:
    """The store and the catalog that the C(consul_*) arguments describe."""
    client = ConsulClient(consul_connection(parameters))
    return ConsulStore(client), ConsulCatalog(client)


def consul_connection(parameters: Mapping[str, Any]) -> Connection:
    """How to reach Consul; raises DeliveryError when no address is given or the token cannot be read."""
    if not parameters["consul_addresses"]:
        raise DeliveryError("consul_addresses is empty: name at least one, for example http://127.0.0.1:8500")
    token = parameters["consul_token"]
    if not token and parameters["consul_token_file"]:
        try:
            token = Path(parameters["consul_token_file"]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise DeliveryError(
                f"consul_token_file '{parameters['consul_token_file']}' cannot be read ({error.strerror}): correct the "
                f"path or its permissions"
            ) from error
        except UnicodeDecodeError as error:
            raise DeliveryError(
                f"consul_token_file '{parameters['consul_token_file']}' holds no text: write the token there as it is"
            ) from error
    return Connection(
        addresses=tuple(parameters["consul_addresses"]),
        token=token or None,
        ca_path=parameters["consul_ca_path"],
        client_cert=parameters["consul_client_cert"],
        client_key=parameters["consul_client_key"],
        datacenter=parameters["consul_datacenter"],
        timeout=float(parameters["consul_timeout"]),
    )


def prefix_of(parameters: Mapping[str, Any]) -> str:
    """The key prefix, with exactly one slash at its end."""
    prefix = str(parameters["consul_prefix"]).strip("/")
    if re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", prefix) is None:
        raise DeliveryError(
            f"consul_prefix '{parameters['consul_prefix']}' is not valid: use letters, digits and /_.- , for example "
            f"docker-flow/"
        )
    return f"{prefix}/"
