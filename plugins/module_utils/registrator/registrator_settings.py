# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The registrator's options, by command line or environment."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..consul.consul_client import Connection
from ..core.errors import DeliveryError
from .registrations import Node, meta_key_problem
from .stopping import DEFAULT_GRACE

DEFAULT_RESYNC = 10.0
_CALL_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the agent is told. Seconds are floats; C(token) comes from the environment, never the command line."""

    node: Node
    docker_host: str
    consul_address: str
    token_file: Path | None
    token: str | None = field(repr=False)
    ca_path: str | None
    client_cert: str | None
    client_key: str | None = field(repr=False)
    resync: float
    grace: float
    health_file: Path | None
    once: bool
    dry_run: bool
    deregister_on_exit: bool
    withdraw: bool

    def connection(self) -> Connection:
        """How to reach the Consul agent of this node; reads the token file, so a new token needs no restart."""
        token = self.token if self.token_file is None else _token_in(self.token_file)
        return Connection(
            addresses=(self.consul_address,),
            token=token or None,
            ca_path=self.ca_path,
            client_cert=self.client_cert,
            client_key=self.client_key,
            timeout=_CALL_TIMEOUT,
            patience=0.0,  # The agent has its own back-off, in which it still listens to Docker.
        )


def _token_in(path: Path) -> str:
    """The token that a file holds; it goes into a header, so it is one word of ASCII."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise DeliveryError(f"consul_token_file '{path}' cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DeliveryError(f"consul_token_file '{path}' holds no token: write it there as plain ASCII text") from error
    if len(token.split()) > 1 or not token.isprintable():
        raise DeliveryError(f"consul_token_file '{path}' holds more than a token: write nothing else into it")
    return token


def settings(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Settings:
    """Parse the command line; what is not there comes from the environment. Exits with 2 and a sentence when wrong."""
    environment = os.environ if environment is None else environment
    parser = _parser(environment)
    given = parser.parse_args(arguments)
    try:
        ipaddress.ip_address(given.ip or "")
    except ValueError:
        parser.error(f"--ip '{given.ip or ''}' is not an IP address: give the one under which others reach this node")
    if not given.node:
        parser.error("--node is empty: give the name that marks the services of this node")
    for option in ("resync", "grace"):
        if getattr(given, option) <= 0:
            parser.error(f"--{option} {getattr(given, option):g} is not a time: give seconds above zero")
    meta_keys = frozenset(key.strip().lower() for key in given.meta.split(",") if key.strip())
    for key in sorted(meta_keys):
        if problem := meta_key_problem(key):
            parser.error(f"--meta '{key}' {problem}: leave it out")
    return Settings(
        node=Node(given.node, given.ip, given.swarm_names, meta_keys),
        docker_host=given.docker_host,
        consul_address=given.consul_address,
        token_file=given.consul_token_file,
        token=environment.get("CONSUL_HTTP_TOKEN"),
        ca_path=given.consul_ca_path,
        client_cert=given.consul_client_cert,
        client_key=given.consul_client_key,
        resync=given.resync,
        grace=given.grace,
        health_file=given.health_file,
        once=given.once,
        dry_run=given.dry_run,
        deregister_on_exit=given.deregister_on_exit,
        withdraw=given.withdraw,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="registrator",
        description="Keeps the published ports of this node's containers registered at its Consul agent.",
        epilog="Each option can be given by the environment variable in brackets; the token only by CONSUL_HTTP_TOKEN "
        "or its file. SIGHUP compares everything at once; SIGTERM ends the agent and leaves the services registered.",
        allow_abbrev=False,
    )

    def option(name: str, variable: str, default: str | float | None, meaning: str, kind: type = str) -> None:
        value = environment.get(variable) or default
        text = f"{meaning} [{variable}]" + (f" (default: {default})" if default is not None else "")
        parser.add_argument(name, default=value, type=kind, metavar=kind.__name__.upper(), help=text)

    def switch(name: str, variable: str, meaning: str) -> None:
        on = environment.get(variable, "").lower() in ("1", "true", "yes", "on")
        parser.add_argument(name, action="store_true", default=on, help=f"{meaning} [{variable}]")

    option("--node", "REGISTRATOR_NODE", socket.gethostname(), "name of this node, marks what is ours")
    option("--ip", "REGISTRATOR_IP", None, "address that is registered; its family decides which ports count")
    option("--resync", "REGISTRATOR_RESYNC", DEFAULT_RESYNC, "compare everything this often, in seconds", float)
    option("--grace", "REGISTRATOR_GRACE", DEFAULT_GRACE, "seconds that a container without its own may stop", float)
    option("--meta", "REGISTRATOR_META", "", "the SERVICE_<KEY> that go to Meta, by commas; others stay private")
    option("--docker-host", "DOCKER_HOST", "unix:///var/run/docker.sock", "Docker's API")
    option("--consul-address", "CONSUL_HTTP_ADDR", "http://127.0.0.1:8500", "the Consul agent of this node")
    option("--consul-token-file", "CONSUL_HTTP_TOKEN_FILE", None, "file that holds the token", Path)
    option("--consul-ca-path", "CONSUL_CACERT", None, "certificate authority of the Consul agent")
    option("--consul-client-cert", "CONSUL_CLIENT_CERT", None, "certificate to show to the Consul agent")
    option("--consul-client-key", "CONSUL_CLIENT_KEY", None, "its key")
    option("--health-file", "REGISTRATOR_HEALTH_FILE", None, "rewritten (JSON) after every comparison", Path)
    switch("--swarm-names", "REGISTRATOR_SWARM_NAMES", "use the Swarm service's name where SERVICE_NAME is missing")
    switch("--deregister-on-exit", "REGISTRATOR_DEREGISTER_ON_EXIT", "take this node's services out on SIGTERM")
    switch("--dry-run", "REGISTRATOR_DRY_RUN", "compare once, say what would change, change nothing")
    switch("--once", "REGISTRATOR_ONCE", "compare once and exit: 0 done, 1 failed")
    switch("--withdraw", "REGISTRATOR_WITHDRAW", "take this node's services out and exit, before another registrator")
    return parser
