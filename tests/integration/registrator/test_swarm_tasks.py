# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of Swarm services with ports in host mode."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.dockerflow.delivery.tests.integration.registrator.agent_process import IP, AgentProcess
from ansible_collections.dockerflow.delivery.tests.integration.registrator.consul_server import ConsulServer
from ansible_collections.dockerflow.delivery.tests.integration.registrator.containers import (
    IMAGE,
    TestContainers,
    docker,
    inspect,
)
from ansible_collections.dockerflow.delivery.tests.integration.swarm import eventually


@pytest.fixture(scope="module", autouse=True)
def swarm(images: None, request: pytest.FixtureRequest) -> None:
    """This machine is a Swarm manager: as it is, or provisioned. Other lanes may be at work in the same Swarm."""
    if docker("info", "--format={{.Swarm.ControlAvailable}}") != "true":
        request.getfixturevalue("world")


@pytest.fixture
def create(service: str) -> Iterator[Callable[..., None]]:
    """Call C(create(*options)): a Swarm service named like the test's service; its containers are killed at the end."""

    def make(*options: str, image: str = IMAGE, command: tuple[str, ...] = ("sleep", "3600")) -> None:
        fixed = ("--detach", "--name", service, "--no-resolve-image", "--publish=mode=host,target=8080")
        docker("service", "create", *fixed, *options, image, *command)

    yield make
    subprocess.run(["docker", "service", "rm", service], capture_output=True, timeout=60, check=False)
    label = f"label=com.docker.swarm.service.name={service}"
    for container in docker("ps", "--all", "--quiet", "--filter", label).split():
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, timeout=60, check=False)


def running(service: str) -> dict[str, dict[str, str]]:
    """Task and container of every running instance of a service, by its published IPv4 port."""
    found = {}
    label = f"label=com.docker.swarm.service.name={service}"
    for container in docker("ps", "--quiet", "--no-trunc", "--filter", label).split():
        document = inspect(container)
        for binding in document["NetworkSettings"]["Ports"].get("8080/tcp") or ():
            if ":" in binding["HostIp"]:  # Docker may choose another port for IPv6.
                continue
            task = document["Config"]["Labels"]["com.docker.swarm.task.id"]
            found[binding["HostPort"]] = {"task": task, "container": container}
    return found


def registered(consul: ConsulServer, service: str) -> dict[str, dict[str, str]]:
    """The same as Consul has it."""
    return {
        str(entry["ServicePort"]): {
            "task": entry["ServiceMeta"]["swarm_task"],
            "container": entry["ServiceMeta"]["container"],
        }
        for entry in consul.services(service).values()
        if entry["ServiceAddress"] == IP and entry["ServiceMeta"]["swarm_service"] == service
    }


def test_forced_update_ends_with_exactly_the_new_tasks(
    agent: AgentProcess, consul: ConsulServer, create: Callable[..., None], service: str
) -> None:
    create("--replicas=2", f"--env=SERVICE_NAME={service}", "--stop-grace-period=1s", "--update-delay=0s")
    eventually(lambda: len(registered(consul, service)) == 2, "both tasks are registered")
    before = registered(consul, service)
    assert before == running(service)
    docker("service", "update", "--force", "--detach=false", "--quiet", service)
    after = running(service)
    assert {entry["task"] for entry in after.values()}.isdisjoint(entry["task"] for entry in before.values())
    eventually(lambda: registered(consul, service) == after, "exactly the new tasks are registered")


def test_task_that_ignores_sigterm_leaves_at_the_stop_signal(
    agent: AgentProcess, consul: ConsulServer, create: Callable[..., None], service: str
) -> None:
    stubborn = ("sh", "-c", "trap : TERM; while :; do sleep 0.2; done")
    create("--replicas=1", f"--env=SERVICE_NAME={service}", "--stop-grace-period=60s", command=stubborn)
    eventually(lambda: registered(consul, service), "registered")
    docker("service", "scale", "--detach", f"{service}=0")
    eventually(lambda: not registered(consul, service), "out of rotation")
    assert running(service), "it still runs"


def test_absent_until_healthy(
    agent: AgentProcess, consul: ConsulServer, create: Callable[..., None], service: str
) -> None:
    create(
        *("--replicas=1", f"--env=SERVICE_NAME={service}", "--stop-grace-period=1s"),
        *("--health-cmd=test -e /healthy", "--health-interval=0.3s", "--health-retries=1000"),
    )
    eventually(lambda: len(running(service)) == 1, "runs")
    entry = next(iter(running(service).values()))
    assert not registered(consul, service)
    docker("exec", entry["container"], "touch", "/healthy")
    eventually(lambda: registered(consul, service) == running(service), "registered once healthy")


def test_name_of_the_swarm_service_by_option(
    consul: ConsulServer, new_agent: Callable[..., AgentProcess], create: Callable[..., None], service: str
) -> None:
    create("--replicas=1", "--stop-grace-period=1s")
    eventually(lambda: len(running(service)) == 1, "runs")
    new_agent(consul).once()
    assert not registered(consul, service)
    new_agent(consul, "--swarm-names").once()
    assert registered(consul, service) == running(service)


CONVENTIONS = {
    "SERVICE_IGNORE": "true",
    "SERVICE_8080_NAME": "web",
    "SERVICE_ID": "web-1",
    "SERVICE_8080_CHECK_TCP": "true",
    "SERVICE_PASSWORD_DB": "hunter2",
}
PLACES = [
    pytest.param(lambda key, value: f"ENV {key}={value}", (), id="environment of the image"),
    pytest.param(lambda key, value: f"LABEL {key}={value}", (), id="label of the image"),
    pytest.param(None, ("--env",), id="environment"),
    pytest.param(None, ("--container-label",), id="label"),
]


def colored(name: str) -> list[str]:
    """What a release tells of a colour's containers."""
    own = {"dockerflow.registered": name, "dockerflow.port": "8080", "dockerflow.spec": "s1"}
    return [f"--container-label={key}={value}" for key, value in own.items()]


@contextmanager
def image_with(name: str, lines: list[str]) -> Iterator[str]:
    """An image of that name which is the base image and these lines of a Dockerfile."""
    dockerfile = "\n".join([f"FROM {IMAGE}", *lines])
    subprocess.run(["docker", "build", f"--tag={name}", "-"], input=dockerfile.encode(), timeout=120, check=True)
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", "--force", name], capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize(("of_image", "options"), PLACES)
def test_conventions_from_any_place_do_not_touch_a_coloured_service(
    agent: AgentProcess,
    consul: ConsulServer,
    create: Callable[..., None],
    service: str,
    of_image: Callable[[str, str], str] | None,
    options: tuple[str, ...],
) -> None:
    given = [f"{option}={key}={value}" for option in options for key, value in CONVENTIONS.items()]
    lines = [of_image(key, value) for key, value in CONVENTIONS.items()] if of_image is not None else []
    with image_with(service, lines) as image:
        create("--replicas=1", "--stop-grace-period=1s", *given, *colored(f"{service}-blue"), image=image)
        eventually(lambda: consul.services(f"{service}-blue"), "registered under the name of its colour")
        ((key, entry),) = consul.services(f"{service}-blue").items()
        [(port, task)] = list(running(service).items())
        assert (entry["ServicePort"], entry["ServiceMeta"]["swarm_task"]) == (int(port), task["task"])
        assert entry["ServiceMeta"]["dockerflow_spec"] == "s1"
        assert key.endswith(f".{task['task']}:{port}")
        assert "hunter2" not in repr(entry)
        assert not consul.services("web")


def test_a_copy_of_a_coloured_container_is_no_release(
    agent: AgentProcess,
    consul: ConsulServer,
    create: Callable[..., None],
    containers: TestContainers,
    service: str,
) -> None:
    create("--replicas=1", "--stop-grace-period=1s", f"--env=SERVICE_NAME={service}", *colored(service))
    eventually(lambda: registered(consul, service) == running(service) != {}, "the release is registered")
    [task] = list(running(service).values())
    try:
        docker("commit", task["container"], service)  # with its labels and its environment
        copy = containers.run_as_is(service, "--publish=8080")
        eventually(lambda: len(consul.services(service)) == 2, "the copy is registered too, as it asks for")
        marks = {
            entry["ServiceMeta"]["container"]: entry["ServiceMeta"].get("dockerflow_spec")
            for entry in consul.services(service).values()
        }
        assert marks == {task["container"]: "s1", copy: None}
    finally:
        containers.remove()
        subprocess.run(["docker", "rmi", "--force", service], capture_output=True, timeout=60, check=False)
