# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.dockerflow.delivery.plugins.lookup import flow_settings


@pytest.fixture
def source(tmp_path: Path) -> str:
    project = tmp_path / "books-ms"
    project.mkdir()
    (project / "compose.yaml").write_text("services: {app: {image: 'x:${BOOKS_MS_VERSION}'}}")
    (project / "docker-flow.yml").write_text("target: app\nscale: 1\n")
    return str(project)


def look_up(monkeypatch: pytest.MonkeyPatch, terms: list[str], variables: dict[str, Any], extra: dict[str, Any]) -> Any:
    """What the plugin returns where C(extra) stands on the command line; Ansible puts these among the variables too."""
    monkeypatch.setattr(flow_settings, "load_extra_vars", lambda loader: extra)
    return flow_settings.LookupModule(loader=DataLoader(), templar=None).run(terms, {**variables, **extra})


def test_extra_vars_may_leave_the_prefix_away(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (settings,) = look_up(monkeypatch, [source], {"env": "production", "keep_warm": 5}, {"scale": "+2"})
    assert (settings["scale"], settings["keep_warm"], settings["env"]) == ("+2", 5, {})
    (settings,) = look_up(monkeypatch, [source], {"scale": "+2", "flow_timeout": 9}, {})
    assert (settings["scale"], settings["timeout"]) == ("1", 9)


def test_environment_of_the_controller(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setenv("BOOKS_MS_VERSION", "2")
    monkeypatch.setenv("FLOW_SCALE", "4")
    monkeypatch.setenv("TOKEN_OF_SOMETHING_ELSE", "x")
    (settings,) = look_up(monkeypatch, [source], {}, {})
    assert (settings["env"], settings["scale"]) == ({"BOOKS_MS_VERSION": "2"}, "4")


def test_errors_are_those_of_a_lookup(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    with pytest.raises(AnsibleLookupError, match="flow names stage 'deploi'"):
        look_up(monkeypatch, [source], {}, {"flow": "deploi"})
    with pytest.raises(AnsibleLookupError, match="exactly one directory"):
        look_up(monkeypatch, [], {}, {})
