# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""The text of haproxy.cfg, from routes and servers alone.

Every routed service has both of its backends at all times, so a flip changes maps and never the configuration. What
needs a reload when it changes (everything but the servers) is the structure; its digest stands in the C(description),
where C(show info) tells it: so anybody can see which structure a running worker has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from ...core.color import COLORS
from ...core.names import color_name
from ...routes.route import PREVIEW_HEADER, Route
from ..endpoint import Endpoint
from ..proxy_settings import Settings
from .haproxy_files import HaproxyFiles
from .server_names import server_name, server_socket

HANDOVER = "handover"
# The host as it stands in the map of routes: www.example.com. is www.example.com.
_HOST = "req.fhdr(host),host_only,lower,rtrim(.)"
# What follows a host to become a key of the map of routes.
_KEY = "concat(,txn.path,/)"
_CHECK_AGENT = "hdr User-Agent docker-flow-proxy"
# How many workers that were replaced may still finish what is open in them.
_OLD_WORKERS = 20
# Seconds for which a response that is a stream may be silent. HAProxy ends one as if it were complete where neither
# length nor chunks tell, and notices only at the next event that a client has gone: so neither shorter nor much longer.
_STREAM_SILENCE = 300
# What a server is told in the file and, because servers added at run time inherit nothing, in `add server` too.
CHECK = "check inter 1s fastinter 200ms downinter 300ms rise 2 fall 2"


def structure_digest(settings: Settings, routes: Iterable[Route]) -> str:
    """Names everything that only a reload can change."""
    return hashlib.sha256(_render(settings, routes, {}, "").encode()).hexdigest()[:16]


def render(settings: Settings, routes: Iterable[Route], servers: Mapping[str, Sequence[Endpoint]]) -> str:
    """haproxy.cfg for HAProxy 2.6 and later. C(servers) are listed by the name of their backend."""
    ordered = sorted(routes, key=lambda route: route.service)
    return _render(settings, ordered, servers, structure_digest(settings, ordered))


def _render(settings: Settings, routes: Iterable[Route], servers: Mapping[str, Sequence[Endpoint]], digest: str) -> str:
    sections = [_global(settings, digest), *(part(settings) for part in (_defaults, _public, _observe, _handover))]
    sections += [
        _backend(route, color, servers.get(color_name(route.service, color), ()))
        for route in sorted(routes, key=lambda route: route.service)
        for color in COLORS
    ]
    return "# Written by the proxy agent; what is changed by hand is overwritten.\n" + "\n".join(sections)


def _section(head: str, lines: Iterable[str]) -> str:
    return "\n".join([head, *(f"    {line}" for line in lines)]) + "\n"


def _global(settings: Settings, digest: str) -> str:
    level = "info" if settings.log_requests else "notice"
    files = HaproxyFiles(settings.paths.directory)
    return _section(
        "global",
        [
            "master-worker",
            f"description {digest}",
            f"log stdout format raw local0 {level}",
            f"fd-hard-limit {settings.file_limit}",
            f"hard-stop-after {settings.hard_stop_after}s",
            # So long a replaced worker may last that its number, and so the memory, is bounded too: the oldest goes.
            f"mworker-max-reloads {_OLD_WORKERS}",
            f"stats socket {files.worker_socket} mode 600 level admin expose-fd listeners",
            f"server-state-file {files.server_state}",
            *([f"user {settings.user}", f"group {settings.user}"] if settings.user else []),
        ],
    )


def _defaults(settings: Settings) -> str:
    return _section(
        "defaults",
        [
            "mode http",
            "balance roundrobin",
            # Without it a reload resets kept-alive connections that are just about to carry a request.
            "option idle-close-on-response",
            "load-server-state-from-file global",
            "timeout http-request 10s",
            f"timeout http-keep-alive {settings.client_timeout}s",
            f"timeout client {settings.client_timeout}s",
            "timeout connect 2s",
            "timeout server 30s",
            "timeout queue 5s",
            "timeout check 3s",
            "timeout tunnel 1h",
        ],
    )


def _public(settings: Settings) -> str:
    files = HaproxyFiles(settings.paths.directory)
    unrouted = "unless { var(txn.service) -m found }"
    not_found = 'content-type text/plain string "No service is routed at this host and path.\\n"'
    with_share = "if { var(txn.percent) -m found } { rand(100),sub(txn.percent) lt 0 }"
    with_token = "if { var(txn.token) -m found }"
    previewed = "var(txn.service),concat(/,txn.token)"
    # Owned by root: without CAP_FOWNER nobody can change the mode of what was given away.
    access = f"group {settings.user} mode 660" if settings.user else "mode 600"
    return _section(
        "frontend public",
        [
            *(f"bind {bind}" for bind in settings.bind),
            f"bind unix@{files.handover_socket} accept-proxy {access}",
            *(["log global", "option httplog"] if settings.log_requests else []),
            # A replaced worker still has clients on kept-alive connections, but neither its maps nor its servers follow
            # any more (it refuses server commands), so it decides nothing: its successor does.
            "http-request allow if { stopping }",
            # Every rule costs each request some time: what is rarely so is asked of a variable, not of the headers.
            "http-request set-var(txn.path) path",
            f"http-request set-var(txn.service) {_HOST},{_KEY},map_beg({files.routes_map})",
            f"http-request set-var(txn.service) str(*),{_KEY},map_beg({files.routes_map}) {unrouted}",
            f"http-request return status 404 {not_found} {unrouted}",
            f"http-request set-var(txn.split) var(txn.service),map_str({files.split_map})",
            "http-request set-var(txn.color) var(txn.split),field(1,:)",
            "http-request set-var(txn.percent) var(txn.split),field(3,:),add(0) unless { var(txn.split) -m end :0 }",
            f"http-request set-var(txn.color) var(txn.split),field(2,:) {with_share}",
            f"http-request set-var(txn.token) req.fhdr({PREVIEW_HEADER}),sha2(256),hex,lower",
            f"http-request set-var(txn.color) {previewed},map_str({files.preview_map}) {with_token}",
            f"http-request del-header {PREVIEW_HEADER} {with_token}",
            # What is in front of us and ends TLS knows better.
            "http-request set-header X-Forwarded-Proto http unless { req.fhdr(X-Forwarded-Proto) -m found }",
            "http-request set-header X-Request-ID %[uuid()] unless { req.fhdr(X-Request-ID) -m found }",
            f"use_backend {HANDOVER} if {{ stopping }}",
            "use_backend %[var(txn.service)]-%[var(txn.color)]",
        ],
    )


def _observe(settings: Settings) -> str:
    return _section(
        "frontend observe",
        [
            f"bind {settings.observe}",
            "http-request use-service prometheus-exporter if { path /metrics }",
            "stats enable",
            "stats uri /",
            "stats refresh 5s",
        ],
    )


def _handover(settings: Settings) -> str:
    successor = HaproxyFiles(settings.paths.directory).handover_socket
    return _section(
        f"backend {HANDOVER}",
        [
            "http-reuse never",
            "timeout server 24h",  # the successor applies the route's own
            "retries 3",
            f"server successor unix@{successor} send-proxy-v2",
        ],
    )


def _backend(route: Route, color: str, servers: Sequence[Endpoint]) -> str:
    own = route.own(color)
    options = own.options
    host = own.hosts[0].lower() if own.hosts else route.service
    timeouts = {
        "connect": options.timeout_connect,
        "server": options.timeout_server,
        "queue": options.timeout_queue,
    }
    return _section(
        f"backend {color_name(route.service, color)}",
        [
            "log global",
            "option forwardfor",
            *(f"timeout {name} {seconds}s" for name, seconds in timeouts.items() if seconds),
            *_retries(options.retries),
            *_streams(options.timeout_server),
            "option httpchk",
            f"http-check send meth GET uri '{own.check_path}' ver HTTP/1.1 hdr Host '{host}' {_CHECK_AGENT}",
            "http-check expect status 100-499",
            f"default-server {CHECK}",
            *(f"server {server_name(server)} {server_socket(server)}" for server in sorted(servers)),
        ],
    )


def _retries(retries: int) -> list[str]:
    if retries == 0:
        return ["retries 0"]
    return [
        f"retries {retries}",
        # A dead server's connection is tried elsewhere at once. An instance that dies in the middle of a request costs
        # nobody a GET; anything that may change something is never sent twice.
        "option redispatch 1",
        "retry-on conn-failure empty-response",
        "http-request disable-l7-retry unless METH_GET",
    ]


def _streams(timeout_server: int) -> list[str]:
    framed = "{ res.fhdr(Content-Length) -m found } !{ res.fhdr(Transfer-Encoding) -m found }"
    events = "{ res.fhdr(Content-Type) -m beg -i text/event-stream }"
    silence = max(_STREAM_SILENCE, timeout_server)
    return [
        ".if version_atleast(3.0)",
        f"http-response set-timeout server {silence}s if !{framed} || {events}",
        ".endif",
    ]
