# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Argument specs that several modules share; their documentation is in plugins/doc_fragments/release.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings.options import setting_arguments

CONSUL_ARGUMENTS: dict[str, Any] = {
    "consul_addresses": {"type": "list", "elements": "str", "default": ["http://127.0.0.1:8500"]},
    "consul_token": {"type": "str", "no_log": True},
    "consul_token_file": {"type": "path", "no_log": False},
    "consul_ca_path": {"type": "path"},
    "consul_client_cert": {"type": "path"},
    "consul_client_key": {"type": "path", "no_log": False},
    "consul_datacenter": {"type": "str"},
    "consul_prefix": {"type": "str", "default": "docker-flow/"},
    "consul_timeout": {"type": "int", "default": 10},
}
DOCKER_ARGUMENTS: dict[str, Any] = {
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "docker_timeout": {"type": "int", "default": 30},
}
TARGET_ARGUMENTS: dict[str, Any] = {
    "project": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
}
# What else tells a run, such as lock_wait, is a setting: see setting_arguments().
RUN_ARGUMENTS: dict[str, Any] = {
    "run": {"type": "str"},
    "owner": {"type": "str"},
    "lock_ttl": {"type": "int", "default": 30},
    "progress_file": {"type": "path"},
}
STAGE_ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENTS,
    "keep_run": {"type": "bool", "default": False},
}


def stage_arguments(module: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """The argument spec of a module that is a stage of one target: what all of these have, its settings, its C(own)."""
    return {
        **CONSUL_ARGUMENTS,
        **DOCKER_ARGUMENTS,
        **STAGE_ARGUMENTS,
        **setting_arguments(module),
        **TARGET_ARGUMENTS,
        **own,
    }
