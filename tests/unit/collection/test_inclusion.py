# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible asks of a collection that it would include: metadata, sections of the README, requirements."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.dockerflow.delivery.plugins.doc_fragments.attributes import ModuleDocFragment

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
PRIVATE = "Private to this collection"


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) < 200


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("forum.ansible.com", id="communication"),
        pytest.param("docs.ansible.com/ansible/latest/community/code_of_conduct.html", id="code_of_conduct"),
        pytest.param("semver.org", id="semantic_versioning"),
        pytest.param("CHANGELOG.rst", id="changelog"),
        pytest.param("deprecat", id="deprecation"),
        pytest.param("SECURITY.md", id="security"),
        pytest.param("CONTRIBUTING.md", id="contributing"),
        pytest.param("GNU General Public License v3.0 or later", id="licence"),
        pytest.param("Python 3.11", id="python"),
        pytest.param("ansible-core 2.19", id="ansible_core"),
        pytest.param("docs/README.md", id="documentation"),
    ],
)
def test_the_readme_says(words: str) -> None:
    assert words in README


@pytest.mark.parametrize("name", ["SECURITY.md", "CODE_OF_CONDUCT.md", "MAINTAINERS", "CONTRIBUTING.md", "LICENSE"])
def test_the_file_is_there_and_says_something(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_which_python_it_needs(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.dockerflow.delivery.plugins.modules.{name}")
    document = yaml.safe_load(module.DOCUMENTATION)
    assert "dockerflow.delivery.attributes" in document["extends_documentation_fragment"]
    assert yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["requirements"] == ["python 3.11 or newer"]


def test_everything_in_module_utils_says_that_it_is_private() -> None:
    files = [path for path in (ROOT / "plugins/module_utils").rglob("*.py") if path.read_text(encoding="utf-8").strip()]
    assert [str(path) for path in files if PRIVATE not in path.read_text(encoding="utf-8")] == []


def test_galaxy_describes_a_release() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert re.fullmatch(r"[1-9]\d*\.\d+\.\d+", galaxy["version"])
    for name in ("repository", "documentation", "homepage", "issues"):
        assert galaxy[name].startswith("https://"), name
    assert galaxy["license"] == ["GPL-3.0-or-later"]
