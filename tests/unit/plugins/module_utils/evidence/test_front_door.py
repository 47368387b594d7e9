# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request through every front door: which answers are good, and who is asked."""

from __future__ import annotations

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence import front_door
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.front_door import ask_all, is_good
from ansible_collections.dockerflow.delivery.plugins.module_utils.ports.fleet import Proxy
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, Split

ROUTE = Route("books-ms-app", 4, ("/api/v1/books",), Split("blue"), ("books.example",), {"blue": 1})


def proxy(name: str, alive: bool = True) -> Proxy:
    return Proxy(name, f"http://{name}.example:80", alive, 1, (), {})


NO_MEMBER = Proxy("foreign", "", True, 1, (), {}, member=False)  # nobody knows where its front is
FLEET = {"foreign": NO_MEMBER, "b": proxy("b"), "a": proxy("a"), "dead": proxy("dead", alive=False)}


@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (302, True), (401, True), (404, False), (500, False), (503, False)]
)
def test_what_is_a_good_answer(status: int, good: bool) -> None:
    assert is_good(status) is good


def test_every_living_proxy_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None, str]] = []

    def ask(*request: str | None) -> int:
        asked.append(request)  # type: ignore[arg-type]
        return 200

    monkeypatch.setattr(front_door, "ask", ask)
    ask_all(FLEET, ROUTE, "/version")
    assert asked == [
        ("http://a.example:80", "books.example", "/version"),
        ("http://b.example:80", "books.example", "/version"),
    ]


def test_a_bad_answer_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "ask", lambda address, _host, _path: 503 if "b.example" in address else 200)
    expected = (
        r"^proxy 'b' does not serve 'books-ms-app' at http://b\.example:80/version \(Host books\.example\): status 503;"
    )
    with pytest.raises(DeliveryError, match=expected):
        ask_all(FLEET, ROUTE, "/version")


def test_nothing_listens_there() -> None:
    nobody = {"a": Proxy("a", "http://127.0.0.1:9", True, 1, (), {})}
    with pytest.raises(DeliveryError, match=r"proxy 'a' does not serve .* refused"):
        ask_all(nobody, ROUTE, "/")
