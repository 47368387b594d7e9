# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every module and role, checked against the files themselves."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.declaration import (
    EVERY_MODULE,
    RUN_MODULES,
    SETTINGS,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import setting_arguments

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path for path in (ROOT / "plugins/modules").glob("*.py") if path.stem != "__init__")
ROLES = sorted(path for path in (ROOT / "roles").glob("*") if (path / "tasks").is_dir())
# It runs on the controller, so the action group's defaults, which say where Docker and Consul are, are not for it.
CONNECTED = [path for path in MODULES if path.stem != "flow_settings"]
ATTRIBUTES = ("check_mode", "diff_mode", "idempotent")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def documentation(module: Path, name: str = "DOCUMENTATION") -> dict[str, Any]:
    """The YAML of C(name), a text at the top of a module or, for a doc fragment, in its class."""
    for statement in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match statement:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=str() as text)) if found == name:
                return dict(yaml.safe_load(text))
    raise AssertionError(f"{module.name} has no {name}")


def documented(module: Path) -> dict[str, Any]:
    """The options that C(module) documents, with those of its fragments, which come first."""
    document = documentation(module)
    options: dict[str, Any] = {}
    for fragment in document["extends_documentation_fragment"]:
        file, _dot, part = fragment.removeprefix("dockerflow.delivery.").partition(".")
        path = ROOT / f"plugins/doc_fragments/{file}.py"
        options |= documentation(path, part.upper() or "DOCUMENTATION").get("options") or {}
    return options | (document.get("options") or {})


def specification(module: Path) -> dict[str, Any]:
    """The module's argument spec, or that of the action plugin where only this runs."""
    part = "modules" if module in CONNECTED else "action"
    found = importlib.import_module(f"ansible_collections.dockerflow.delivery.plugins.{part}.{module.stem}")
    return dict(found.ARGUMENTS)


def comparable(options: dict[str, Any]) -> dict[str, Any]:
    """What a specification and its documentation both say of an option."""
    kept = ("type", "elements", "default", "choices", "required")
    return {name: {key: option[key] for key in kept if option.get(key)} for name, option in options.items()}


def test_action_group_lists_every_module_that_connects() -> None:
    listed = load(ROOT / "meta/runtime.yml")["action_groups"]["delivery"]
    assert listed == [module.stem for module in CONNECTED]
    assert sorted(listed) == sorted(EVERY_MODULE)


def test_action_group_lists_every_module_of_a_run() -> None:
    listed = load(ROOT / "meta/runtime.yml")["action_groups"]["run"]
    assert listed == sorted(RUN_MODULES)
    assert listed == [module.stem for module in CONNECTED if "run" in specification(module)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_documents_the_options_that_it_takes(module: Path) -> None:
    assert comparable(documented(module)) == comparable(specification(module))


@pytest.mark.parametrize("module", CONNECTED, ids=lambda module: module.stem)
def test_module_takes_the_settings_as_they_are_declared(module: Path) -> None:
    declared = setting_arguments(module.stem)
    taken = {name: {**option} for name, option in specification(module).items() if name in declared}
    for option in taken.values():
        option.pop("required", None)  # a module may be unable to do without what a project may leave out
    assert taken == declared


def test_settings_that_are_documented_are_those_that_are_declared() -> None:
    text = documentation(ROOT / "plugins/modules/flow_settings.py")["description"][1]
    assert sorted(re.findall(r"C\((\w+)\)", text)) == sorted(setting.name for setting in SETTINGS)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_states_its_attributes(module: Path) -> None:
    document = documentation(module)
    fragments = {"dockerflow.delivery.attributes"}
    if module in CONNECTED:
        fragments.add("dockerflow.delivery.attributes.delivery")
    if module.stem in RUN_MODULES:
        fragments.add("dockerflow.delivery.attributes.run")
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


RELEASE = ROOT / "roles/release"


def tasks(found: Any) -> Iterator[dict[str, Any]]:
    """All tasks of a list, those in blocks too."""
    for task in found:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part) or ())


def test_role_release_hands_the_settings_to_every_module() -> None:
    (defaults,) = (task["module_defaults"] for task in load(RELEASE / "tasks/main.yml") if "module_defaults" in task)
    handed = {name: value for name, value in defaults.items() if not name.startswith("group/")}
    assert handed == {
        f"dockerflow.delivery.{module.stem}": f"{{{{ release_read.options.{module.stem} }}}}" for module in CONNECTED
    }
    run = set(defaults["group/dockerflow.delivery.run"])
    assert run <= set.intersection(*(set(specification(module)) for module in CONNECTED if module.stem in RUN_MODULES))


@pytest.mark.parametrize("file", sorted((RELEASE / "tasks").glob("*.yml")), ids=lambda file: file.stem)
def test_stages_name_no_option_that_is_handed_to_all(file: Path) -> None:
    handed = {"run", "owner", "lock_ttl", "docker_host", "consul_addresses", "consul_prefix"}
    named = {
        f"{module.stem}.{option}"
        for task in tasks(load(file))
        for module in CONNECTED
        for option in task.get(f"dockerflow.delivery.{module.stem}") or ()
        if option in handed | set(setting_arguments(module.stem))
    }
    # The status is shown of what its own variables name, without a release.
    about = {"release_info.project", "release_info.target"}
    assert named == (about if file.stem == "status" else set())


def test_role_release_specifies_its_variables_as_modules_take_them() -> None:
    options = specification(ROOT / "plugins/modules/release_lock.py")
    variables = load(RELEASE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    shared = {name: options[name.removeprefix("release_")] for name in variables if name[8:] in options}
    assert {"release_docker_host", "release_consul_prefix", "release_owner", "release_lock_ttl"} <= set(shared)
    for name, option in shared.items():
        # A path is one on the manager, so the controller must not expand it.
        kind = "str" if option["type"] == "path" else option["type"]
        assert (variables[name]["type"], variables[name].get("elements")) == (kind, option.get("elements")), name
        assert variables[name].get("default", option.get("default")) == option.get("default"), name


def test_role_release_mentions_settings_that_there_are() -> None:
    text = load(RELEASE / "meta/argument_specs.yml")["argument_specs"]["main"]["description"][1]
    names = set(re.findall(r"C\(([a-z_]+)\)", text))
    assert names
    assert names <= {setting.name for setting in SETTINGS}
