# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""Where a Compose project is: its directory, its Compose files, what its variables mean, and its name.

The controller and the manager both find a project with locate(). What the controller found it hands over (C(files),
C(project), C(env)), so the manager decides none of it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import DeliveryError
from ..core.names import is_dns_label
from ..syntax.variables import interpolate
from .files import find_files, project_variables, variable_files


@dataclass(frozen=True, slots=True)
class Location:
    """A project that was found.

    C(root) is its directory and C(files) are its Compose files in the order Compose merges, all absolute. C(given) are
    the variables that hold wherever the files lie, C(variables) what the Compose files see: C(.env) of C(base) beneath.
    """

    root: Path
    files: tuple[Path, ...]
    given: Mapping[str, str] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)

    @property
    def base(self) -> Path:
        """Where, as in Compose, relative paths, C(.env) and the default name belong: the first file's directory."""
        return self.files[0].parent

    @property
    def variable_files(self) -> list[Path]:
        """The files that variables may come from; of those C(.env) files the first counts for Compose itself."""
        found = [
            path for directory in (self.base, self.root) for path in variable_files(directory, self.root, self.given)
        ]
        return list(dict.fromkeys(found))

    def name(self, declared: Sequence[str] = (), after: Path | None = None) -> str:
        """What Compose would call the project; not checked, see check_project_name().

        C(COMPOSE_PROJECT_NAME), else what the files say under C(name), of which the last of C(declared) counts, else
        the name of directory C(after), by default C(base). C(after)'s own C(.env) counts too, beneath all others.
        Raises DeliveryError where Compose refuses what a file says.
        """
        after = after or self.base
        variables = {**project_variables(after, self.root, self.given), **self.variables}
        if name := variables.get("COMPOSE_PROJECT_NAME"):
            return name
        return _declared_name(declared[-1], variables) if declared else _letters(after.name)


def locate(project_src: str, files: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Location:
    """The project in the directory C(project_src), found with C(files) and C(env) as find_files() says.

    Raises DeliveryError for a directory or a file that does not exist, and for C(.env) that cannot be read.
    """
    given = dict(env or {})
    root = Path(project_src).absolute()
    paths = find_files(project_src, files, given)
    base = paths[0].parent
    # Where COMPOSE_FILE led to another directory, the .env that says so counts as well.
    if not files and base != root:
        given = project_variables(root, root, given)
    return Location(root, paths, given, project_variables(base, root, given))


def _declared_name(declared: str, variables: Mapping[str, str]) -> str:
    try:
        name = _letters(interpolate(declared, variables))
    except DeliveryError as error:
        raise DeliveryError(f"the Compose file's name '{declared}' cannot be worked out: {error}") from error
    if not name:
        raise DeliveryError(
            f"the Compose file's name '{declared}' leaves nothing that a project can be called: set its variables, or "
            f"set project"
        )
    return name


def _letters(text: str) -> str:
    """What Compose makes of C(text) for a name."""
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("_-")


def check_project_name(name: str, after: Path | None = None) -> str:
    """Return C(name); DeliveryError when it is no DNS label. C(after) is its directory, where nobody set the name."""
    if is_dns_label(name):
        return name
    origin = "" if after is None else f" (from the Compose file, .env or the directory {after.name})"
    raise DeliveryError(
        f"project '{name}'{origin} is no valid DNS label, which Consul and Swarm need: set project to a name of "
        f"lower-case letters, digits and inner hyphens, at most 63 characters"
    )
