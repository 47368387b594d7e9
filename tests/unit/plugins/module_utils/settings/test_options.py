# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.declaration import EVERY_MODULE
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import (
    module_options,
    setting_arguments,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.resolution import resolve_settings


def options(**given: Any) -> dict[str, dict[str, Any]]:
    return module_options(resolve_settings(file={"target": "app", "project": "shop", **given}))


SPECS: list[Any] = [
    pytest.param("release_info", "target", {"type": "str"}, id="text"),
    pytest.param(
        "blue_green_deploy", "side_targets", {"type": "list", "elements": "str", "default": []}, id="list, empty"
    ),
    pytest.param("proxy_reconfigure", "service_domain", {"type": "list", "elements": "str"}, id="list, not set"),
    pytest.param("blue_green_deploy", "force", {"type": "bool", "default": False}, id="flag"),
    pytest.param("release_stop", "keep_warm", {"type": "int", "default": 0}, id="number"),
    pytest.param("blue_green_deploy", "env", {"type": "dict", "default": {}, "no_log": True}, id="secret mapping"),
    pytest.param("release_preview", "timeout", {"type": "int", "default": 60}, id="under another name"),
    pytest.param(
        "relative_scale",
        "which",
        {"type": "str", "default": "live", "choices": ["live", "candidate", "both"]},
        id="choices, under another name",
    ),
]


@pytest.mark.parametrize(("module", "option", "expected"), SPECS)
def test_argument(module: str, option: str, expected: dict[str, Any]) -> None:
    assert setting_arguments(module)[option] == expected


def test_arguments_are_those_that_the_module_gets() -> None:
    assert set(setting_arguments("release_rollback")) == {
        *("project", "target", "service_name", "timeout", "max_failures"),
        *("lock_wait", "take_over", "exclude_proxies"),
    }
    assert setting_arguments("flow_settings") == {}


VALUES: list[Any] = [
    pytest.param({"proxy_timeout": 7}, "proxy_reconfigure", "timeout", 7, id="under another name"),
    pytest.param({"proxy_timeout": 7}, "blue_green_deploy", "timeout", 300, id="not the module's own of that name"),
    pytest.param({"compose_path": ["a.yml"]}, "blue_green_deploy", "files", ["a.yml"], id="files"),
    pytest.param({"retries": 0}, "proxy_reconfigure", "retries", 0, id="zero is a value"),
    pytest.param({"service_domain": []}, "proxy_reconfigure", "service_domain", [], id="so is an empty list"),
    pytest.param({"lock_wait": 0}, "release_lock", "lock_wait", 0, id="of the run"),
    pytest.param({}, "relative_scale", "scale", None, id="not set"),
    pytest.param({"scale": ""}, "relative_scale", "scale", None, id="empty text"),
]


@pytest.mark.parametrize(("given", "module", "option", "expected"), VALUES)
def test_value(given: dict[str, Any], module: str, option: str, expected: Any) -> None:
    found = options(**given)[module]
    assert (option in found) == (expected is not None)
    assert found.get(option) == expected


def test_every_module_is_told_what_it_is_about() -> None:
    told = options(target="web_app", service_name="web").items()
    about = {module: (given["project"], given["target"], given["service_name"]) for module, given in told}
    assert about == dict.fromkeys(EVERY_MODULE, ("shop", "web_app", "web"))
