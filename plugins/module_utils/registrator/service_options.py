# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The SERVICE_* interface: what a container's environment and labels say about its services.

Keys (labels win over the environment, which an image may have set, as with gliderlabs/registrator):

- C(SERVICE_NAME), C(SERVICE_ID), C(SERVICE_IP), C(SERVICE_TAGS) (commas; C(\\,) is a comma inside a tag)
- C(SERVICE_IGNORE): not registered at all
- C(SERVICE_DRAIN=false): stays registered when it gets its stop signal, until it exits
- C(SERVICE_CHECK_*): Consul's health check, see checks.py
- every other C(SERVICE_<KEY>) is left alone unless the operator asked for that key: programs have variables with such
  names too, and what they hold may be secret. One that was asked for goes to the service's Meta, in lower case

C(SERVICE_<port>_<KEY>) and C(SERVICE_<port>_<PROTOCOL>_<KEY>) hold for one container port and win over the general key.

A label C(dockerflow.meta.<key>) goes to Meta as it is: nobody writes that by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

META_LABEL = "dockerflow.meta."
_KEY = re.compile(r"SERVICE_(?:(?P<port>\d+)_(?:(?P<protocol>TCP|UDP|SCTP)_)?)?(?P<key>.+)")
_TAG_SEPARATOR = re.compile(r"(?<!\\),")
_NO = frozenset({"", "0", "false", "no", "off"})
_OWN_KEYS = frozenset({"NAME", "ID", "IP", "TAGS", "IGNORE", "DRAIN"})
_DECISIVE_KEYS = _OWN_KEYS - {"TAGS"}
_CHECK_PREFIX = "CHECK_"


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What holds for the service behind one container port.

    C(name_is_for_port): the name was given for this port alone, so it needs no suffix to tell ports apart.
    C(check): the SERVICE_CHECK_ keys without that prefix. C(meta): keys in lower case. C(given): the keys that decide
    whether, how and under which name or id it is registered, as far as somebody gave them.
    """

    name: str | None = None
    name_is_for_port: bool = False
    id: str | None = None
    address: str | None = None
    tags: tuple[str, ...] = ()
    ignore: bool = False
    drain: bool = True
    check: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()


class ContainerOptions:
    """All SERVICE_* keys of one container; C(for_port) answers for one of its ports.

    C(meta_keys): those of the keys that mean nothing here, in lower case, that were asked for as Meta.
    """

    def __init__(
        self,
        environment: Iterable[str] | None,
        labels: Mapping[str, str] | None,
        meta_keys: AbstractSet[str] = frozenset(),
    ) -> None:
        self._meta_keys = meta_keys
        self._meta = {
            key.removeprefix(META_LABEL): value for key, value in (labels or {}).items() if key.startswith(META_LABEL)
        }
        self._values: dict[tuple[int | None, str | None], dict[str, str]] = {}
        # `docker import` makes images whose containers have no environment at all: null, not an empty list.
        for assignment in environment or ():
            self._take(*assignment.partition("=")[::2])
        for key, value in (labels or {}).items():
            self._take(key, value)

    def _take(self, name: str, value: str) -> None:
        match = _KEY.fullmatch(name)
        if match is None:
            return
        port, protocol = match["port"], match["protocol"]
        scope = (int(port) if port else None, protocol.lower() if protocol else None)
        self._values.setdefault(scope, {})[match["key"]] = value

    def for_port(self, port: int, protocol: str) -> ServiceOptions:
        """The options of one container port, C(protocol) being tcp, udp or sctp."""
        own = {**self._values.get((port, None), {}), **self._values.get((port, protocol), {})}
        merged = {**self._values.get((None, None), {}), **own}
        return ServiceOptions(
            name=merged.get("NAME") or None,
            name_is_for_port=bool(own.get("NAME")),
            id=merged.get("ID") or None,
            address=merged.get("IP") or None,
            tags=_tags(merged.get("TAGS", "")),
            ignore=_is_yes(merged.get("IGNORE", "")),
            drain=_is_yes(merged.get("DRAIN", "yes")),
            check={k.removeprefix(_CHECK_PREFIX): v for k, v in merged.items() if k.startswith(_CHECK_PREFIX)},
            meta={**{k.lower(): v for k, v in merged.items() if self._is_meta(k)}, **self._meta},
            given=tuple(sorted(k for k in merged if k in _DECISIVE_KEYS or k.startswith(_CHECK_PREFIX))),
        )

    def _is_meta(self, key: str) -> bool:
        return key.lower() in self._meta_keys and key not in _OWN_KEYS and not key.startswith(_CHECK_PREFIX)


def _is_yes(value: str) -> bool:
    return value.strip().lower() not in _NO


def _tags(text: str) -> tuple[str, ...]:
    tags = (tag.replace("\\,", ",").strip() for tag in _TAG_SEPARATOR.split(text))
    return tuple(dict.fromkeys(tag for tag in tags if tag))
