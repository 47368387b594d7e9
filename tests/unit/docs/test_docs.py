# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages for operators promise exists: links, playbooks, modules, settings, variables, the words of errors."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.declaration import OBSOLETE, SETTINGS
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.flow import STAGES

ROOT = Path(__file__).resolve().parents[3]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, ROOT / "README.md"]
BY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)

# Names that are written like ours and are somebody else's.
OF_OTHERS = {
    "ansible_python_interpreter", "deploy_timeout", "path_prefix", "retain_containers",
    "start_period", "stop_grace_period", "ip_vs", "dockerflow_spec",
    "import_playbook", "shop_app", "shop_db",
    # Of a Compose file.
    "depends_on", "device_cgroup_rules", "network_mode", "security_opt", "service_completed_successfully",
    "driver_opts", "service_healthy", "service_started", "userns_mode", "volumes_from", "extra_hosts", "group_add",
}  # fmt: skip


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def load(path: Path) -> Any:
    return yaml.safe_load(text(path)) or {}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each ansible-playbook command, from blocks and from code in the text."""
    for line in re.findall(r"ansible-playbook ([^`\n]+)", text(page)):
        yield line.partition("  ")[0].split()


def role_variables() -> set[str]:
    names: set[str] = set()
    for role in sorted((ROOT / "roles").iterdir()):
        names |= set(load(role / "defaults/main.yml"))
        for entry in load(role / "meta/argument_specs.yml")["argument_specs"].values():
            names |= set(entry.get("options") or {})
    return names


def variables_that_playbooks_read() -> set[str]:
    """Those without a role's prefix: consul_token, node_address, abort, live, status_format …"""
    names: set[str] = set()
    for path in [*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").glob("*.yml")]:
        names |= set(re.findall(r"\b([a-z]\w+) \| default\(", text(path)))
        names |= set(re.findall(r"^#\s+(\w+) {2,}", text(path), re.MULTILINE))
        names |= set(re.findall(r"^ +(candidate_\w+):", text(path), re.MULTILINE))
    return names


def modules() -> set[str]:
    return {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}


def playbooks() -> set[str]:
    return {path.stem for path in (ROOT / "playbooks").glob("*.yml")}


def known_variables() -> set[str]:
    settings = {setting.name for setting in SETTINGS}
    return (
        settings
        | {f"flow_{name}" for name in settings}
        | set(OBSOLETE)
        | role_variables()
        | variables_that_playbooks_read()
    )


@BY_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", text(page)):
        if re.match(r"https?:", link):
            continue
        name, _hash, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            broken.append(link)
        elif anchor:
            titles = re.findall(r"^#+ (.*)$", text(target), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            if anchor not in slugs:
                broken.append(link)
    assert broken == []


def test_the_index_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", text(ROOT / "docs/README.md")))
    assert {page.name for page in DOCS} - {"README.md"} == linked


@BY_PAGE
def test_playbooks_exist(page: Path) -> None:
    for words in commands(page):
        named = [word for word in words if word.startswith("dockerflow.delivery.") or word.endswith(".yml")]
        for word in named:
            name = word.removeprefix("<checkout>/")
            if name.startswith("dockerflow.delivery."):
                assert (ROOT / f"playbooks/{name.rpartition('.')[2]}.yml").exists(), word
                assert "-" not in name, f"{word}: Ansible finds no playbook of a collection whose name has a hyphen"
            elif name not in ("inventory.yml", "inventory/local.yml"):
                assert (ROOT / name).exists(), word


@BY_PAGE
def test_extra_vars_are_known(page: Path) -> None:
    known = known_variables()
    given = [word for words in commands(page) for word in words]
    given += [f"{name}=" for name in re.findall(r"`-e (\w+)=", text(page))]
    names = {match.group(1) for word in given if (match := re.match(r"^(\w+)=", word)) and not word.startswith("FLOW")}
    assert {name for name in names if name.islower()} - known == set()


@BY_PAGE
def test_stages_in_flows_exist(page: Path) -> None:
    for flow in re.findall(r"\bflow=([a-z,-]+)", text(page)):
        assert set(flow.split(",")) <= set(STAGES), flow


@BY_PAGE
def test_names_in_the_text_exist(page: Path) -> None:
    """Every `word_with_underscores` is a setting, a variable, a module, or is listed above as somebody else's."""
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:[:=][^`]*)?`", text(page)))
    assert words - known_variables() - modules() - playbooks() - OF_OTHERS == set()


@BY_PAGE
def test_modules_and_playbooks_that_are_named_in_full_exist(page: Path) -> None:
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    for name in re.findall(r"dockerflow\.delivery\.([a-z][\w-]*)", text(page)):
        assert name in playbooks() | modules() | roles | {"git"}, name


@BY_PAGE
def test_yaml_is_yaml(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block)


def test_every_playbook_is_understood_with_the_inventory_of_the_guide(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(next(block for block in blocks(ROOT / "docs/guide.md", "yaml") if "managers:" in block))
    names = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
    command = [Path(sys.executable).with_name("ansible-playbook"), "--syntax-check", "-i", inventory]
    done = subprocess.run(
        [*command, *(f"dockerflow.delivery.{name}" for name in names if "-" not in name)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_settings_of_the_guide_are_settings() -> None:
    names = {setting.name for setting in SETTINGS}
    documents = [yaml.safe_load(block) for block in blocks(ROOT / "docs/guide.md", "yaml")]
    (flow,) = [document for document in documents if "target" in document]
    assert set(flow) <= names


def test_the_page_of_settings_is_what_their_declaration_makes() -> None:
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "scripts/settings_page.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert text(ROOT / "docs/settings.md") == made.page(), "run make settings-page"


# -- the words of errors ---------------------------------------------------------------------------------------------


def spoken(node: ast.expr) -> str:
    """The text of a string as far as it stands in the code, with … for each value."""
    match node:
        case ast.Constant(value=str() as said):
            return said
        case ast.JoinedStr(values=parts):
            return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return spoken(left) + spoken(right)
    return "…"


@functools.cache
def sentences(folder: Path) -> str:
    """All texts of the Python and YAML files of a folder, one below the other, with … for what is filled in."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        found += [
            spoken(node)
            for node in ast.walk(ast.parse(text(path)))
            if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp))
        ]
    for path in sorted(folder.rglob("*.yml")):
        found.append(re.sub(r"\s+", " ", re.sub(r"\{\{.*?\}\}", "…", text(path), flags=re.DOTALL)))
    return "\n".join(found)


def quoted_messages() -> list[str]:
    """The first cell of every row of the tables that begin with `it says`."""
    found = []
    for table in re.findall(
        r"^\| it says \|.*?\n\n", text(ROOT / "docs/troubleshooting.md") + "\n", re.MULTILINE | re.DOTALL
    ):
        for line in table.splitlines()[2:]:
            found += re.findall(r"`([^`]+)`", line.split(" | ")[0])
    return found


# Where an operator's errors come from. What the agents say is in their logs.
PLACES = [
    *(
        ROOT / "plugins/module_utils" / name
        for name in ("compose", "consul", "core", "evidence", "ports", "release", "routes", "syntax")
    ),
    *(ROOT / "plugins/module_utils" / name for name in ("settings", "stack", "stages", "swarm")),
    *(ROOT / "roles" / name for name in ("consul", "docker", "image", "proxy", "registrator", "release", "swarm")),
    ROOT / "playbooks",
]


def pattern(message: str) -> re.Pattern[str]:
    """… stands for anything on one line, also for nothing."""
    return re.compile(".*?".join(re.escape(part.strip("`'")) for part in message.split("…")))


@pytest.mark.parametrize("message", quoted_messages())
def test_an_error_that_is_explained_can_happen(message: str) -> None:
    assert any(pattern(message).search(sentences(place)) for place in PLACES), message


@pytest.mark.parametrize("place", PLACES, ids=lambda path: path.name)
def test_every_place_that_errors_come_from_is_explained(place: Path) -> None:
    said = sentences(place)
    assert any(pattern(message).search(said) for message in quoted_messages())


def test_every_page_is_short_enough_for_three_in_the_morning() -> None:
    assert [page.name for page in DOCS if len(text(page).splitlines()) > 200] == []
    long = [
        f"{page.name}:{number}"
        for page in DOCS
        for number, line in enumerate(text(page).splitlines(), 1)
        if len(line) > 160 and not line.startswith(("|", "- *"))
    ]
    assert long == []
