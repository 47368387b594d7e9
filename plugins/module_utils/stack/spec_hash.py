# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The hash by which a release knows whether what runs already is what the Compose file asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from ..compose.project import ComposeProject
from .dialect import EVERY_DIALECT
from .releasable import check_target
from .resources import sections
from .target import translate_target
from .warnings import Warnings


def spec_hash(
    project: ComposeProject,
    target: str,
    *,
    colored: bool = True,
    images: Mapping[str, str] | None = None,
    image_identity: str = "",
    target_port: int | None = None,
) -> str:
    """A hash (64 hex digits) of all that the target's definition says: image, environment, networks, volumes, what
    its configs and secrets contain, and so on.

    It does not depend on the colour, on the number of instances, on labels that a release adds, or on which Docker
    client will deploy it. Of an image the pinned reference in C(images) counts; an image that has no digest because
    it exists only locally can be told apart by C(image_identity), such as its id.
    Raises DeliveryError when the target cannot be released.
    """
    ignored = Warnings()
    port = check_target(project, target, colored=colored, target_port=target_port)
    service = translate_target(project, target, "color" if colored else None, "", port, EVERY_DIALECT, ignored)
    service.get("deploy", {}).pop("replicas", None)
    service["image"] = (images or {}).get(service["image"], service["image"])
    resources, _files = sections(project, {target: service}, ignored)
    subject = {"schema": 1, "service": service, "image": image_identity, "port": port, **resources}
    return hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()
