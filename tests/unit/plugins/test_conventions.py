# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every module and role, checked against the files themselves."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path for path in (ROOT / "plugins/modules").glob("*.py") if path.stem != "__init__")
ROLES = sorted(path for path in (ROOT / "roles").glob("*") if (path / "tasks").is_dir())
# It runs on the controller, so the action group's defaults, which say where Docker and Consul are, are not for it.
CONNECTED = [path for path in MODULES if path.stem != "flow_settings"]
ATTRIBUTES = ("check_mode", "diff_mode", "idempotent")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def documentation(module: Path) -> dict[str, Any]:
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="DOCUMENTATION")], value=ast.Constant(value=str(text))):
                return dict(yaml.safe_load(text))
    raise AssertionError(f"{module.name} has no DOCUMENTATION")


def test_action_group_lists_every_module_that_connects() -> None:
    listed = load(ROOT / "meta/runtime.yml")["action_groups"]["delivery"]
    assert listed == [module.stem for module in CONNECTED]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_states_its_attributes(module: Path) -> None:
    document = documentation(module)
    fragments = {"dockerflow.delivery.attributes"}
    if module in CONNECTED:
        fragments.add("dockerflow.delivery.attributes.delivery")
    assert fragments <= set(document["extends_documentation_fragment"])
    assert set(ATTRIBUTES) <= set(document["attributes"])


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_is_complete(role: Path) -> None:
    wanted = ("README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml")
    assert [name for name in wanted if not (role / name).exists()] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_defaults_and_specification_agree(role: Path) -> None:
    defaults = load(role / "defaults/main.yml") or {}
    options = {
        name: option
        for specification in load(role / "meta/argument_specs.yml")["argument_specs"].values()
        for name, option in (specification.get("options") or {}).items()
    }
    undocumented = sorted(set(defaults) - set(options))
    assert undocumented == []
    # A default that is worked out from facts or other variables is described in words there.
    literal = {name for name, value in defaults.items() if "{{" not in str(value) and "default" in options[name]}
    assert {name: defaults[name] for name in literal} == {name: options[name]["default"] for name in literal}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_variables_carry_its_name(role: Path) -> None:
    assert [name for name in load(role / "defaults/main.yml") or {} if not name.startswith(role.name)] == []
