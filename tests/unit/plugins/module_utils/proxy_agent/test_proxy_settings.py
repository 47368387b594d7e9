# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.proxy_agent.proxy_settings import Settings

GOOD: dict[str, Any] = {"id": "p1", "directory": "/d", "consul": {"addresses": ["http://127.0.0.1:8500"]}}


def test_the_token_comes_from_its_file_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    consul = {**GOOD["consul"], "token_file": str(tmp_path / "token")}
    (tmp_path / "f").write_text(json.dumps({**GOOD, "consul": consul}))
    settings = Settings.read(tmp_path / "f")
    assert settings.connection.token == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"id": "a b"}, "proxy_id 'a b'", id="id"),
        pytest.param({"prefix": "docker-flow"}, "consul_prefix 'docker-flow'", id="prefix without its slash"),
        pytest.param({"bind": ["80"]}, "bind '80'", id="bind without an address"),
        pytest.param({"bind": ["*:80\n  mode tcp"]}, "bind", id="bind that adds a line"),
        pytest.param({"bind": ["*:99999"]}, "bind", id="no port"),
        pytest.param({"observe": "all:1"}, "observe 'all:1'", id="observe"),
        pytest.param({"user": "x\nchroot /"}, "user", id="user that adds a line"),
        pytest.param({"hard_stop": 1}, "'hard_stop' (did you mean 'hard_stop_after'?)", id="unknown name"),
        pytest.param({"consul": {}}, "incomplete", id="no addresses"),
        pytest.param({"consul": {**GOOD["consul"], "token_file": "/no/such"}}, "/no/such", id="no token file"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        Settings.from_document({**GOOD, **change})
    assert message in str(caught.value)
