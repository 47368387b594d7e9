#!/usr/bin/python
# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and entry point; the work is in module_utils/stages/proxy.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_reconfigure
short_description: Send users to a colour of a service, on every proxy together
version_added: 1.0.0
description:
  - Writes the route of a service to Consul and returns when every proxy of the fleet confirmed it. The candidate is
    prepared on all proxies first (its backend is there and all its instances are up by the proxies' own checks), then
    all flip together.
  - If one proxy cannot, everything goes back to what it was, and the error names the proxy.
  - A flip changes a map in the proxies' memory and their files; no connection is cut. Requests that are open on the old
    colour end there.
author: the dockerflow.delivery contributors (@dockerflow)
extends_documentation_fragment:
  - dockerflow.delivery.release
  - dockerflow.delivery.release.connection
  - dockerflow.delivery.release.run
  - dockerflow.delivery.release.stage
  - dockerflow.delivery.attributes
  - dockerflow.delivery.attributes.run
  - dockerflow.delivery.attributes.delivery
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) writes the route, V(absent) removes every trace of it from all proxies. The containers stay;
        M(dockerflow.delivery.release_remove) takes them away too.
    type: str
    choices: [present, absent]
    default: present
  color:
    description:
      - Colour to send users to. By default the recorded candidate if it runs, else the colour that is live, whose route
        is then only brought up to date.
    type: str
    choices: [blue, green]
  service_path:
    description:
      - Paths that belong to the service, each with a leading slash. The longest matching path wins, on whole segments.
        Needed for the first route; later the present paths are kept when it is empty.
    type: list
    elements: str
    default: []
  service_domain:
    description: Host names that the paths belong to. An empty list means any host; left out, the present ones are kept.
    type: list
    elements: str
  check_path:
    description: Path that the proxies' health check asks for. By default the first of O(service_path).
    type: str
  retries:
    description: How often a proxy tries again when an instance does not accept the connection (default 3).
    type: int
  timeout_server:
    description:
      - Seconds that an instance may take to answer (default 30), or be silent within an answer. Within an event
        stream, or an answer with neither length nor chunks, it may be silent for 300 seconds, or for this long if that
        is longer.
    type: int
  timeout:
    description:
      - Seconds for each step (prepare, flip, back) until every proxy confirmed it. For instances that have yet to give
        their first answer, O(start_timeout) holds.
    type: int
    default: 60
  start_timeout:
    description:
      - Seconds that the instances may take until they answer the proxies' check for the first time. A program without a
        health check counts as healthy as soon as it runs, so this is where it is waited for.
    type: int
    default: 300
  max_failures:
    description: The wait for them ends when so many of them ended by themselves.
    type: int
    default: 3
  front_door_path:
    description:
      - Path that is asked for through the front door of every proxy after the flip, for example a page that needs the
        database. An answer of 500 or more, 404, or none within 5 seconds takes everything
        back; where O(color) was live before, it only fails.
    type: str
  planned_instances:
    description:
      - In check mode only, how many instances of O(color) a deploy before this stage would have started.
    type: int
  drain_timeout:
    description:
      - Seconds to wait, after the flip, until the requests that are open on the old colour ended. V(0) does not wait;
        M(dockerflow.delivery.release_stop) waits for them anyway.
    type: int
    default: 0
seealso:
  - module: dockerflow.delivery.blue_green_deploy
  - module: dockerflow.delivery.release_stop
"""

EXAMPLES = r"""
- name: Send users to the candidate
  dockerflow.delivery.proxy_reconfigure:
    project: books-ms
    target: app
    service_path: [/api/v1/books]

- name: Take the service off the proxies
  dockerflow.delivery.proxy_reconfigure:
    project: books-ms
    target: app
    state: absent
"""

RETURN = r"""
run:
  description: Id of the run, for the next stage; V(null) when the run ended, and in check mode.
  returned: success
  type: str
  sample: 6a1c7f2e-9d31-4a0b-8a6e-2f1f6a3c9b11
color:
  description: The colour that users get.
  returned: when O(state=present)
  type: str
  sample: green
revision:
  description: Revision of the route that every proxy confirmed.
  returned: when O(state=present)
  type: int
  sample: 7
route:
  description: The route as it stands in Consul.
  returned: when O(state=present)
  type: dict
  sample: {"service": "books-ms-app", "revision": 7, "paths": ["/api/v1/books"], "split": {"live": "green"}}
proxies:
  description: Per proxy, milliseconds from writing to its confirmation; empty when nothing changed.
  returned: always
  type: dict
  sample: {"proxy-1": {"prepared_ms": 812.4, "confirmed_ms": 21.0}}
skew_ms:
  description: Milliseconds between the first and the last proxy's confirmation of the flip.
  returned: always
  type: float
  sample: 3.5
still_open:
  description: Requests per proxy that were still open on the old colour when O(drain_timeout) passed (-1 is unknown).
  returned: always
  type: dict
  sample: {}
mixed:
  description: Whether, after a failure, some proxy could not be put back.
  returned: on failure
  type: bool
  sample: false
"""

from typing import Any

from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import Start
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.ansible_module import new_module
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.connection import connect_release
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.route_wish import wish_of
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.runner import Planned, run_stage
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.specs import stage_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.record import ReleaseRecord
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.release import Release
from ansible_collections.dockerflow.delivery.plugins.module_utils.release.truth import Truth
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.rules import check_host, check_path
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import proxy, removal
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages.refusals import refuse_dead

ARGUMENTS: dict[str, Any] = stage_arguments(
    "proxy_reconfigure",
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "color": {"type": "str", "choices": ["blue", "green"]},
        "planned_instances": {"type": "int"},
        "drain_timeout": {"type": "int", "default": 0},
    },
)


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params
    start = Start(parameters["start_timeout"], parameters["max_failures"])
    flip = proxy.Flip(parameters["timeout"], start, parameters["front_door_path"], parameters["drain_timeout"])

    def connect() -> Release:
        check(parameters)
        return connect_release(parameters)

    def present(release: Release, truth: Truth, record: ReleaseRecord) -> Planned:
        if module.check_mode and parameters["color"] and parameters["planned_instances"]:
            if not truth.running.get(parameters["color"]):
                truth.services.pop(parameters["color"], None)  # of an older release, which the planned one replaces
            truth.running[parameters["color"]] = parameters["planned_instances"]
        refuse_dead(release, truth, parameters["color"])
        decided = proxy.plan(wish_of(parameters), truth, record)
        standing = decided.after if decided.changed else decided.before or decided.after
        return Planned(
            changed=decided.changed,
            result={
                "color": decided.color,
                "revision": standing.revision,
                "route": standing.to_document(),
                "proxies": {},
                "skew_ms": 0.0,
                "still_open": {},
            },
            before=proxy.shown(decided.before),
            after=proxy.shown(standing),
            do=lambda: proxy.flip(release, decided, truth, flip),
            settle=lambda: proxy.settle(release, decided, flip),
            foretell=lambda: proxy.foretell(release, decided),
        )

    def absent(release: Release, truth: Truth, _record: ReleaseRecord) -> Planned:
        return Planned(
            changed=removal.gives_up(truth),
            result={"proxies": {}, "skew_ms": 0.0, "still_open": {}},
            before=proxy.shown(truth.route),
            after={},
            do=lambda: removal.give_up(release, truth, parameters["timeout"]),
            # A killed run may have written it without waiting for anybody.
            settle=lambda: removal.give_up(release, truth, parameters["timeout"]),
        )

    is_present = parameters["state"] == "present"
    run_stage(module, proxy.STAGE, connect, present if is_present else absent, certain=is_present)


def check(parameters: dict[str, Any]) -> None:
    """Refuse what is not valid before anything is asked."""
    for path in parameters["service_path"]:
        check_path(path)
    for option in ("check_path", "front_door_path"):
        if parameters[option]:
            check_path(parameters[option], option)
    for host in parameters["service_domain"] or ():
        check_host(host)


if __name__ == "__main__":
    main()
