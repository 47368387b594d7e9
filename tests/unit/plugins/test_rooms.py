# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of module_utils: who may import whom, what a room says of itself, and that a name stands once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
PRIVATE = "# Private to this collection: nothing outside of it may import this file, which changes without notice."

# From the ground up: a room imports those that it names here and no others, and all of these stand above it.
ROOMS: dict[str, set[str]] = {
    "core": set(),
    "routes": {"core"},
    "syntax": {"core"},
    "compose": {"core", "syntax"},
    "settings": {"core", "routes", "syntax", "compose"},
    "ports": {"core", "compose"},
    "stack": {"core", "compose", "ports"},
    "swarm": {"core", "compose", "ports", "stack"},
    "consul": {"core", "ports"},
    "release": {"core", "routes", "ports"},
    "evidence": {"core", "routes", "ports", "release"},
    "stages": {"core", "routes", "compose", "ports", "release", "evidence"},
    "module": {"core", "routes", "compose", "settings", "ports", "swarm", "consul", "release", "evidence", "stages"},
    "proxy_agent": {"core", "routes", "ports", "consul"},
    "registrator": {"core", "ports", "consul"},
}
# Providers: only the composition of a module or an agent chooses one.
NEUTRAL = ("release", "evidence", "stages")
PROVIDERS = ("swarm", "haproxy", "consul", "nginx")
LONGEST = 300
FULLEST = 15

FILES = sorted(path for path in MODULE_UTILS.rglob("*.py") if "__pycache__" not in path.parts)


def room_of(path: Path) -> str:
    return path.relative_to(MODULE_UTILS).parts[0]


def imported_rooms(path: Path) -> Iterator[str]:
    """The rooms that a file imports from, its own left out."""
    depth = len(path.relative_to(MODULE_UTILS).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= depth, f"{path} imports from outside module_utils"
            if node.level == depth:
                yield (node.module or "").split(".")[0]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(name.split(".")[0] == "ansible" for name in names):
                yield "ansible"


def test_every_room_is_known() -> None:
    assert {room_of(path) for path in FILES} == set(ROOMS)


def test_no_room_imports_one_above_it() -> None:
    order = list(ROOMS)
    upwards = [
        (room, other) for room, others in ROOMS.items() for other in others if order.index(other) >= order.index(room)
    ]
    assert upwards == []


@pytest.mark.parametrize("room", ROOMS)
def test_who_imports_whom(room: str) -> None:
    allowed = ROOMS[room] | {room} | ({"ansible"} if room == "module" else set())
    found = {
        f"{path.relative_to(MODULE_UTILS)} imports {other}"
        for path in FILES
        if room_of(path) == room
        for other in imported_rooms(path)
        if other not in allowed
    }
    assert found == set()


def test_the_agent_knows_its_proxy_by_the_driver_port_alone() -> None:
    """Only the place that chooses the driver names one; a driver knows nothing of the loop, of Consul or of reports."""
    agent = MODULE_UTILS / "proxy_agent"
    named = {
        path.stem
        for path in agent.rglob("*.py")
        if "haproxy" not in path.parts
        and re.search(r"^from [.\w]*haproxy", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named == {"providers"}
    known = {
        match
        for path in (agent / "haproxy").glob("*.py")
        for match in re.findall(r"^from \.\.(\w[\w.]*) import", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert known <= {"driver", "endpoint", "atomic_files", "proxy_settings", "policy.intent"}


@pytest.mark.parametrize("room", NEUTRAL)
def test_what_is_above_the_ports_names_no_provider(room: str) -> None:
    """Identifiers; what is said to people names what they run."""
    named = set()
    for path in (path for path in FILES if room_of(path) == room):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            identifiers = [
                getattr(node, field) for field in ("id", "attr", "arg", "name", "module") if hasattr(node, field)
            ]
            named |= {
                f"{path.relative_to(MODULE_UTILS)}: {word}"
                for word in identifiers
                if isinstance(word, str) and any(provider in word.lower() for provider in PROVIDERS)
            }
    assert named == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_each_file_says_that_it_is_private(path: Path) -> None:
    assert PRIVATE in path.read_text(encoding="utf-8").splitlines()[:5]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_each_file_is_about_one_thing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    documentation = ast.get_docstring(ast.parse(text))
    assert documentation, "it says what it is for"
    assert len(text.splitlines()) <= LONGEST
    assert len([other for other in FILES if other.parent == path.parent and other.stem != "__init__"]) <= FULLEST


@pytest.mark.parametrize("room", [path.parent for path in FILES if path.stem == "__init__"], ids=lambda path: path.name)
def test_a_room_says_in_two_lines_what_it_is_for(room: Path) -> None:
    documentation = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert 1 <= len([line for line in documentation.splitlines() if line]) <= 2


def test_a_name_stands_once() -> None:
    names = Counter(path.stem for path in FILES if not path.stem.startswith("__"))
    assert [name for name, count in names.items() if count > 1] == []
