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
      - V(present) writes the route, V(absent) removes every trace of it from all proxies. The containers stay.
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
    description: Seconds that an instance may take to answer (default 30).
    type: int
  timeout:
    description: Seconds for each step (prepare, flip, back) until every proxy confirmed it.
    type: int
    default: 60
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

from ansible_collections.dockerflow.delivery.plugins.module_utils.core.color import other
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.confirmation import confirm
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.draining import wait_until_drained
from ansible_collections.dockerflow.delivery.plugins.module_utils.evidence.front_door import ask_all
from ansible_collections.dockerflow.delivery.plugins.module_utils.module.arguments import (
    CONSUL_ARGUMENTS,
    DOCKER_ARGUMENTS,
    STAGE_ARGUMENTS,
    TARGET_ARGUMENTS,
    connect_release,
    finish,
    held,
    journal,
    new_module,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.routes.route import Route, check_host, check_path
from ansible_collections.dockerflow.delivery.plugins.module_utils.settings.options import setting_arguments
from ansible_collections.dockerflow.delivery.plugins.module_utils.stages import proxy as stage_proxy

ARGUMENTS: dict[str, Any] = {
    **CONSUL_ARGUMENTS,
    **DOCKER_ARGUMENTS,
    **STAGE_ARGUMENTS,
    **setting_arguments("proxy_reconfigure"),
    **TARGET_ARGUMENTS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "color": {"type": "str", "choices": ["blue", "green"]},
    "planned_instances": {"type": "int"},
    "drain_timeout": {"type": "int", "default": 0},
}


def main() -> None:
    """Entry point."""
    module = new_module(ARGUMENTS)
    parameters = module.params

    def body() -> dict[str, Any]:
        wish = wish_of(parameters)
        release = connect_release(parameters)
        with held(module, release, "proxy"):
            truth = release.truth()
            if module.check_mode and parameters["color"] and parameters["planned_instances"]:
                truth.running[parameters["color"]] = parameters["planned_instances"]
            if parameters["state"] == "absent":
                return absent(release, truth.route, truth.route_index)

            def prove(route: Route) -> None:
                if parameters["front_door_path"]:
                    ask_all(release.fleet.snapshot(), route, parameters["front_door_path"])

            record, _index = release.record()
            decided = stage_proxy.plan(wish, truth, record)
            result: dict[str, Any] = {
                "changed": decided.changed,
                "color": decided.color,
                "revision": decided.after.revision if decided.changed else truth.route.revision if truth.route else 0,
                "route": decided.after.to_document()
                if decided.changed or truth.route is None
                else truth.route.to_document(),
                "proxies": {},
                "skew_ms": 0.0,
                "still_open": {},
                "diff": _diff(decided.before, decided.after if decided.changed else decided.before),
            }
            if module.check_mode:
                stage_proxy.refuse_conflicts(decided.after, release.other_routes())
                return result
            if decided.changed:
                with journal(release, "proxy"):
                    result.update(stage_proxy.apply(release, decided, truth, parameters["timeout"], prove))
            else:
                standing = decided.before or decided.after
                confirm(release, standing, parameters["timeout"], decided.color, 0)
                try:
                    prove(standing)  # a run that was killed right after its flip did not
                except DeliveryError as error:
                    raise DeliveryError(
                        f"{error}; users were on colour {decided.color} before this run, so nothing was taken back: "
                        f"run the stage rollback if they should leave it"
                    ) from error
            stage_proxy.record_live(release, decided.color)
            if parameters["drain_timeout"]:
                result["still_open"] = wait_until_drained(release, other(decided.color), parameters["drain_timeout"])
            return result

    def absent(release: Any, route: Route | None, index: int) -> dict[str, Any]:
        if module.check_mode:
            pass
        elif route is not None:
            with journal(release, "proxy"):
                stage_proxy.remove(release, index, parameters["timeout"])
        else:
            stage_proxy.remove(release, 0, parameters["timeout"])  # a run that was killed may not have waited for it
        return {
            "changed": route is not None,
            "proxies": {},
            "skew_ms": 0.0,
            "still_open": {},
            "diff": _diff(route, None),
        }

    finish(module, body, "proxy")


def wish_of(parameters: dict[str, Any]) -> stage_proxy.RouteWish:
    """The wish from the module's parameters; what is not valid is refused here, before anything is asked."""
    for path in parameters["service_path"]:
        check_path(path)
    if parameters["check_path"]:
        check_path(parameters["check_path"], "check_path")
    if parameters["front_door_path"]:
        check_path(parameters["front_door_path"], "front_door_path")
    for host in parameters["service_domain"] or ():
        check_host(host)
    names = ("check_path", "retries", "timeout_server")
    return stage_proxy.RouteWish(
        paths=tuple(parameters["service_path"]),
        hosts=None if parameters["service_domain"] is None else tuple(parameters["service_domain"]),
        color=parameters["color"],
        options={name: parameters[name] for name in names if parameters[name] is not None},
    )


def _diff(before: Route | None, after: Route | None) -> dict[str, Any]:
    # The digest of the preview token is no secret, but it has no place in a diff either.
    def shown(route: Route | None) -> dict[str, Any]:
        return (
            {} if route is None else {name: value for name, value in route.to_document().items() if name != "preview"}
        )

    return {"before": shown(before), "after": shown(after)}


if __name__ == "__main__":
    main()
