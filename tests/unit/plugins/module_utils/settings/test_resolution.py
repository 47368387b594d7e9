# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.scale import Scale
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.declaration import OBSOLETE, SETTINGS
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.flow import check_flow
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.resolution import (
    resolve_settings,
    setting_variables,
)
from ansible_collections.dockerflow.delivery.plugins.modules import flow_settings as plugin


def resolve(**sources: Any) -> dict[str, Any]:
    """Settings with target C(app) in the file, unless the sources say otherwise."""
    return resolve_settings(**{**sources, "file": {"target": "app", **sources.get("file", {})}})


def failure(**sources: Any) -> str:
    with pytest.raises(DeliveryError) as caught:
        resolve(**sources)
    return str(caught.value)


PRECEDENCE: list[Any] = [
    pytest.param({}, None, id="default"),
    pytest.param({"file": {"scale": "1"}}, "1", id="file"),
    pytest.param({"file": {"scale": "1"}, "environ": {"FLOW_SCALE": "2"}}, "2", id="environment"),
    pytest.param({"environ": {"FLOW_SCALE": "2"}, "inventory": {"flow_scale": "3"}}, "3", id="inventory"),
    pytest.param({"inventory": {"flow_scale": "3"}, "extra": {"scale": "4"}}, "4", id="extra var"),
    pytest.param({"extra": {"scale": "4", "flow_scale": "5"}}, "5", id="prefix is explicit"),
    pytest.param({"file": {"scale": "1"}, "environ": {"FLOW_SCALE": ""}}, "1", id="empty environment variable"),
    pytest.param({"file": {"scale": "1"}, "extra": {"scale": ""}}, "1", id="empty extra var"),
    pytest.param({"environ": {"SCALE": "2"}}, None, id="no prefix in the environment"),
]


@pytest.mark.parametrize(("sources", "expected"), PRECEDENCE)
def test_precedence(sources: dict[str, Any], expected: str | None) -> None:
    assert resolve(**sources)["scale"] == expected


def test_lists_replace_lists() -> None:
    assert resolve(file={"side_targets": ["a", "b"]}, environ={"FLOW_SIDE_TARGETS": "c"})["side_targets"] == ["c"]


def test_flag_is_switched_off_again() -> None:
    # Docker Flow could only switch on.
    assert resolve(file={"blue_green": True}, extra={"blue_green": "false"})["blue_green"] is False


def test_defaults() -> None:
    settings = resolve()
    assert settings["flow"] == ["deploy", "test", "proxy", "verify", "stop-old"]
    assert settings["blue_green"] is True
    assert set(settings) == {setting.name for setting in SETTINGS}


def test_stages_from_flow_alone() -> None:
    assert resolve(environ={"FLOW": "deploy,proxy"})["flow"] == ["deploy", "proxy"]
    assert resolve(environ={"FLOW": "deploy", "FLOW_FLOW": "scale"})["flow"] == ["scale"]


VALUES: list[Any] = [
    pytest.param("side_targets", "db, cache,", ["db", "cache"], id="text with commas"),
    pytest.param("side_targets", ("db",), ["db"], id="sequence"),
    pytest.param("side_targets", [], [], id="empty sequence"),
    pytest.param("scale", 5, "5", id="number as text"),
    pytest.param("blue_green", "No", False, id="flag"),
    pytest.param("blue_green", 1, True, id="flag as number"),
    pytest.param("timeout", "90", 90, id="number"),
    pytest.param("drain_timeout", 0, 0, id="zero"),
    pytest.param("env", {"A": 1, "B": " x\n"}, {"A": "1", "B": " x\n"}, id="mapping"),
    pytest.param("env", "A=1,B=x=y", {"A": "1", "B": "x=y"}, id="mapping as text"),
    pytest.param("service_path", "/a,/b", ["/a", "/b"], id="paths"),
    pytest.param("scale_which", "both", "both", id="choice"),
]


@pytest.mark.parametrize(("name", "given", "expected"), VALUES)
def test_values(name: str, given: Any, expected: Any) -> None:
    assert resolve(file={name: given})[name] == expected


BAD_VALUES: list[Any] = [
    pytest.param(
        {"blue_green": "maybe"}, "blue_green in docker-flow.yml 'maybe' is not valid: use true or false", id="flag"
    ),
    pytest.param({"timeout": "1m"}, "timeout in docker-flow.yml '1m' is not valid: use a whole number", id="number"),
    pytest.param({"timeout": "60s"}, "'60s' is not valid: use a whole number, without sign or unit", id="unit"),
    pytest.param({"timeout": "+2"}, "'+2' is not valid: use a whole number, without sign or unit", id="sign"),
    pytest.param({"timeout": "1e3"}, "'1e3' is not valid: use a whole number", id="exponent"),
    pytest.param({"timeout": 60.0}, "'60.0' is not valid: use a whole number", id="fraction"),
    pytest.param({"timeout": True}, "'True' is not valid: use a whole number", id="flag for a number"),
    pytest.param({"timeout": 0}, "timeout in docker-flow.yml '0' is not valid: the least is 1", id="too small"),
    pytest.param({"keep_warm": -1}, "'-1' is not valid: the least is 0", id="negative"),
    pytest.param({"target": ["app"]}, "it takes one value", id="list for a text"),
    pytest.param({"scale": True}, "'true' is not valid: put the text in quotes", id="flag for a text"),
    pytest.param({"flow": {"deploy": 1}}, "write a list or one text with commas", id="mapping for a list"),
    pytest.param({"side_targets": [["a"]]}, "it takes one value", id="list in a list"),
    pytest.param({"env": "A"}, "env in docker-flow.yml has a part without '=': write it as NAME=", id="mapping text"),
    pytest.param({"env": ["A"]}, "write a mapping of names to values", id="list for a mapping"),
    pytest.param({"env": {"A": None}}, "env in docker-flow.yml has no text for 'A': put it in quotes", id="no value"),
    pytest.param(
        {"env": {"A": True}}, "env in docker-flow.yml has no text for 'A': put it in quotes", id="flag in env"
    ),
    pytest.param({"env": {"A": 1.1}}, "has no text for 'A': put it in quotes", id="fraction in env"),
    pytest.param({"env": {"A": ["x"]}}, "has no text for 'A': give each variable one value", id="list in env"),
    pytest.param({"side_targets": ["db", None]}, "'' is not valid: put the text in quotes", id="nothing in a list"),
    pytest.param({"check_path": 1.1}, "'1.1' is not valid: put the text in quotes", id="fraction for a text"),
    pytest.param({"check_path": date(2024, 2, 3)}, "'2024-02-03' is not valid: put the text", id="date for a text"),
    pytest.param({"scale_which": "all"}, "'all' is not valid: use live, candidate or both", id="choice"),
    pytest.param({"target": "my_app"}, "target in docker-flow.yml 'my_app' is not a valid DNS label", id="target"),
    pytest.param({"target": "my_app"}, "set service_name to 'my-app'", id="a way out for the target"),
    pytest.param({"target": "my_app", "project": "shop"}, "set service_name to 'shop-my-app'", id="with its project"),
    pytest.param(
        {"target": "my.app", "service_name": "x"}, "target in docker-flow.yml 'my.app' is no name that", id="dot"
    ),
    pytest.param(
        {"service_name": "My_App"}, "service_name in docker-flow.yml 'My_App' is not a valid DNS", id="service name"
    ),
    pytest.param(
        {"service_name": "x-blue"}, "service_name in docker-flow.yml 'x-blue' ends like a colour", id="one colour"
    ),
    pytest.param({"project": "Shop"}, "project in docker-flow.yml 'Shop' is not a valid DNS label", id="project"),
    pytest.param(
        {"service_path": "api"}, "service_path in docker-flow.yml 'api' has no leading slash: write '/api'", id="path"
    ),
    pytest.param({"check_path": "up"}, "check_path in docker-flow.yml 'up' has no leading slash", id="check path"),
    pytest.param({"target_port": 70000}, "target_port in docker-flow.yml 70000 is no port", id="port"),
    pytest.param({"min_scale": 4, "max_scale": 3}, "max_scale 3 is below min_scale 4", id="bounds"),
]


@pytest.mark.parametrize(("file", "expected"), BAD_VALUES)
def test_bad_values(file: dict[str, Any], expected: str) -> None:
    assert expected in failure(file=file)


def test_the_source_is_named() -> None:
    assert failure(environ={"FLOW_TIMEOUT": "x"}).startswith("FLOW_TIMEOUT 'x' is not valid")
    assert failure(inventory={"flow_timeout": "x"}).startswith("flow_timeout 'x' is not valid")
    assert failure(extra={"timeout": "x"}).startswith("timeout 'x' is not valid")


def test_missing_target() -> None:
    assert failure(file={"target": None}).startswith("target is missing: name the Compose service to release")


@pytest.mark.parametrize("given", ["", None])
def test_a_target_without_a_value_is_not_the_file_s(given: str | None) -> None:
    assert failure(extra={"target": given}).startswith("target is missing: it was given without a value")
    assert resolve(inventory={"target": given})["target"] == "app", "an inventory may leave it open"


UNKNOWN: list[Any] = [
    pytest.param(
        {"file": {"tagret": "x"}}, "tagret in docker-flow.yml is no setting (did you mean 'target'?)", id="file"
    ),
    pytest.param(
        {"file": {"zzz": "x"}}, "zzz in docker-flow.yml is no setting: correct or remove it", id="nothing near"
    ),
    pytest.param(
        {"environ": {"FLOW_SIDE_TARGET": "x"}},
        "FLOW_SIDE_TARGET is no setting (did you mean 'FLOW_SIDE_TARGETS'?)",
        id="env",
    ),
    pytest.param({"extra": {"flow_zzz": 1}}, "variable flow_zzz is no setting: correct or rename it", id="extra var"),
    pytest.param(
        {"extra": {"side_target": 1}}, "extra var side_target is no setting (did you mean 'side_targets'?)", id="typo"
    ),
    pytest.param(
        {"inventory": {"flow_time_out": 1}}, "variable flow_time_out is no setting (did you mean", id="inventory"
    ),
    pytest.param(
        {"file": {"consul_address": "x"}}, "consul_address in docker-flow.yml is not used any more: set", id="old"
    ),
    pytest.param(
        {"environ": {"FLOW_PROXY_HOST": "x"}}, "FLOW_PROXY_HOST is not used any more: list the", id="old, env"
    ),
    pytest.param({"extra": {"proxy_host": "x"}}, "proxy_host is not used any more", id="old, extra var"),
    pytest.param(
        {"inventory": {"flow_host": "x"}}, "flow_host is not used any more: the manager is", id="old, inventory"
    ),
]


@pytest.mark.parametrize(("sources", "expected"), UNKNOWN)
def test_unknown_names(sources: dict[str, Any], expected: str) -> None:
    assert failure(**sources).startswith(expected)


def test_other_variables_are_left_alone() -> None:
    inventory = {
        "env": "production",
        "timeout": {},
        "project": "x y",
        "host": "h",
        "flow_rate_of_water": 1,
        "drain_timeout": 9,
    }
    assert setting_variables(inventory, extra=False) == ["drain_timeout"]
    extra = {"ansible_user": "x", "consul_addresses": [], "project_src": "/x", "env": {}, "node_address": "x"}
    assert setting_variables(extra, extra=True) == ["env"]


def test_a_name_for_consul_keeps_the_service_s_own() -> None:
    settings = resolve(file={"target": "web_app", "service_name": "web"})
    assert (settings["target"], settings["service_name"]) == ("web_app", "web")


@pytest.mark.parametrize("source", [{"file": {"servicename": "x"}}, {"extra": {"servicename": "x"}}], ids=str)
def test_the_old_name_of_a_setting_leads_to_the_new_one(source: dict[str, Any]) -> None:
    assert "servicename" in (said := failure(**source))
    assert "is not used any more: set service_name to the name of the service in Consul" in said


def test_no_setting_is_obsolete() -> None:
    assert not {setting.name for setting in SETTINGS} & set(OBSOLETE)


def test_every_setting_is_documented() -> None:
    missing = [setting.name for setting in SETTINGS if f"C({setting.name})" not in plugin.DOCUMENTATION]
    assert missing == []
    generic = {setting.name for setting in SETTINGS if setting.generic}
    sentence = plugin.DOCUMENTATION.split("except for ")[1].split(" outside of")[0]
    assert set(re.findall(r"C\((\w+)\)", sentence)) == generic


def test_scale_is_checked_by_its_own_grammar() -> None:
    assert Scale.parse(resolve(extra={"scale": "+2"})["scale"]).text == "+2"


GOOD_FLOWS = [
    ("deploy",),
    ("proxy",),
    ("proxy", "stop-old"),
    ("deploy", "test", "proxy", "verify", "stop-old"),
    ("deploy", "scale", "proxy"),
    ("scale", "deploy"),
    ("rollback",),
    ("rollback", "stop-old"),
    ("stop-old", "scale"),
]


@pytest.mark.parametrize("stages", GOOD_FLOWS, ids=",".join)
def test_good_flows(stages: tuple[str, ...]) -> None:
    check_flow(stages)


BAD_FLOWS: list[Any] = [
    pytest.param([], "flow is empty", id="empty"),
    pytest.param(["Deploy"], "stage 'Deploy', which does not exist (did you mean 'deploy'?): stages are", id="case"),
    pytest.param(["stop_old"], "stage 'stop_old', which does not exist (did you mean 'stop-old'?)", id="unknown"),
    pytest.param(["deploy", "deploy"], "names stage 'deploy' twice", id="twice"),
    pytest.param(["proxy", "deploy"], "has 'proxy' before 'deploy', but users would go to", id="proxy first"),
    pytest.param(["stop-old", "proxy"], "has 'stop-old' before 'proxy'", id="stop before the flip"),
    pytest.param(["deploy", "stop-old", "verify"], "has 'stop-old' before 'verify'", id="nothing to go back to"),
    pytest.param(["verify", "proxy"], "has 'verify' before 'proxy'", id="verify before the flip"),
    pytest.param(["proxy", "test"], "has 'proxy' before 'test'", id="test too late"),
    pytest.param(["stop-old", "rollback"], "has 'stop-old' before 'rollback'", id="cold rollback"),
    pytest.param(["rollback", "deploy"], "has 'rollback' together with 'deploy'", id="rollback and deploy"),
]


@pytest.mark.parametrize(("stages", "expected"), BAD_FLOWS)
def test_bad_flows(stages: list[str], expected: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        check_flow(stages)
    assert expected in str(caught.value)
