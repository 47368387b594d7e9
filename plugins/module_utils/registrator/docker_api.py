# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: nothing outside of it may import this file, which changes without notice.
"""What the registrator asks Docker: four GET paths, so a read-only socket proxy is enough.

C(/version), C(/containers/json), C(/containers/<id>/json) and C(/events).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ..core.errors import EngineError

try:
    import docker
    import requests
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.utils import kwargs_from_env
except ImportError as error:  # The sanity tests import this file without the libraries; the agent's image has them.
    DOCKER_IMPORT_ERROR: ImportError | None = error
else:
    DOCKER_IMPORT_ERROR = None

# `health_status` also matches `health_status: healthy`. Without the list every run of a health check would wake us.
ACTIONS = ("start", "die", "kill", "stop", "destroy", "pause", "unpause", "rename", "health_status", "oom", "restart")


class DockerApi:
    """Docker's API at C(host) (C(unix://…), C(tcp://…)); every problem is an EngineError.

    The connection is made when it is needed, and made anew, with the API version negotiated again, after any problem:
    the daemon may have been replaced by a newer one. C(timeout) bounds one call in seconds.
    """

    def __init__(self, host: str, timeout: int = 10) -> None:
        self.host = host
        self.timeout = timeout
        self._made: Any = None

    def containers(self) -> list[dict[str, Any]]:
        """The containers that run, are paused or restart."""
        try:
            rows: list[dict[str, Any]] = self._client().containers()
        except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            raise self._problem(error) from error
        return rows

    def inspect(self, container_id: str) -> dict[str, Any] | None:
        """One container, None when it is gone."""
        try:
            document: dict[str, Any] = self._client().inspect_container(container_id)
        except docker.errors.NotFound:
            return None
        except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            raise self._problem(error) from error
        return document

    def events(self, since: float, until: float) -> Iterator[dict[str, Any]]:
        """Container events from C(since) to C(until) (Unix seconds), the buffered ones first, then as they happen."""
        query = {
            "since": f"{since:.9f}",
            "until": f"{until:.9f}",
            "filters": json.dumps({"type": ["container"], "event": ACTIONS}),
        }
        try:
            client = self._client()
            # The SDK's own call waits without limit, for the answer and between events.
            patience = (self.timeout, self.timeout + max(0.0, until - since))
            url = f"{client.base_url}/v{client.api_version}/events"
            with client.get(url, params=query, stream=True, timeout=patience) as response:
                response.raise_for_status()
                # Docker sends each event as one chunk. Behind a proxy that does not, a larger read would wait for more.
                for line in response.iter_lines(chunk_size=None if response.raw.chunked else 1):
                    if line:
                        yield json.loads(line)
        except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            raise self._problem(error) from error

    def _client(self) -> Any:
        if self._made is None:
            settings = kwargs_from_env(environment={**os.environ, "DOCKER_HOST": self.host})
            # By default the SDK asks for the version while it is being made, when nobody could tell it yet that a proxy
            # or .netrc of the environment is not for the local engine.
            asking = docker.APIClient(**settings, version=DEFAULT_DOCKER_API_VERSION, timeout=self.timeout)
            asking.trust_env = False
            with closing(asking):
                answer = asking.version(api_version=False)
            version = answer.get("ApiVersion") if isinstance(answer, dict) else None
            if not isinstance(version, str):
                raise docker.errors.DockerException("its /version names no ApiVersion, so that is no Docker")
            self._made = docker.APIClient(**settings, version=version, timeout=self.timeout)
            self._made.trust_env = False
        return self._made

    def _problem(self, error: Exception) -> EngineError:
        made, self._made = self._made, None
        if made is not None:
            made.close()
        return EngineError(f"docker_host '{self.host}' does not answer: {' '.join(str(error).split())}")
