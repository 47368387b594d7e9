# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/settings.md from the declaration of all settings: python scripts/settings_page.py (make settings-page)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.declaration import (
    OBSOLETE,
    SETTINGS,
    Setting,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
KINDS = {"text": "text", "list": "list", "flag": "true or false", "number": "number", "mapping": "names and values"}
INTRODUCTION = """# Settings

<!-- Made from plugins/module_utils/settings/declaration.py by `make settings-page`; a test compares the two. -->

What a release is asked for. A setting may stand in any of these places; a later one wins, and a list replaces a list:

1. `docker-flow.yml` in the project's directory: `check_path: /health`
2. the environment of `ansible-playbook`: `FLOW_CHECK_PATH=/health`; with commas `FLOW_ENV=NAME=value,OTHER=value`
3. variables of the inventory: `flow_check_path: /health`, or `check_path` without the prefix
4. the command line: `-e check_path=/health`, or `-e flow_check_path=/health`

In the inventory (3) those marked † are read with the prefix `flow_` only: without it they mean other things there.
There text that YAML reads as something else (`yes`, `0123`, `12:30`) belongs in quotes, and is refused without; in the
other places it is kept as written. A name that is none of these is refused, and the error tells the nearest one.

What a release would do with them: `ansible-playbook dockerflow.delivery.deploy -i inventory.yml --check --diff`.

| setting | default | what it is |
| --- | --- | --- |
"""
OBSOLETE_INTRODUCTION = """
## Settings of Docker Flow that are gone

Each is refused with this advice.

| setting | instead |
| --- | --- |
"""


def shown(value: Any) -> str:
    """A default as somebody would write it."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value) if isinstance(value, list) else value}`"


def row(setting: Setting) -> str:
    """The line of one setting."""
    text = setting.meaning
    if setting.choices:
        text += f"; {', '.join(setting.choices)}"
    if setting.minimum:
        text += f"; at least {setting.minimum}"
    if setting.secret:
        text += "; never logged"
    mark = "†" if setting.generic else ""
    return f"| `{setting.name}`{mark} | {shown(setting.default)} | {KINDS[setting.kind]}: {text} |"


def page(settings: Iterable[Setting] = SETTINGS) -> str:
    """The whole page."""
    lines = [row(setting) for setting in settings]
    gone = [f"| `{name}` | {advice} |" for name, advice in sorted(OBSOLETE.items())]
    return INTRODUCTION + "\n".join(lines) + "\n" + OBSOLETE_INTRODUCTION + "\n".join(gone) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
