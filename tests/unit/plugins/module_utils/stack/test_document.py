# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.document import (
    KeptService,
    stack_document,
)
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.resources import hashed_name
from ansible_collections.dockerflow.delivery.plugins.module_utils.stack.spec_hash import spec_hash
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.recorded import PROJECTS, recorded_project
from ansible_collections.dockerflow.delivery.tests.unit.fixtures.compose.shop import shop, shop_with_config


def test_coloured_target() -> None:
    document = stack_document(
        shop({"environment": {"A": "1"}, "depends_on": {"db": {}}}), "app", "blue", side_targets=["db"]
    )
    assert document.content == {
        "version": "3.9",
        "services": {
            "app-blue": {
                "image": "app:1",
                "environment": {"A": "1", "SERVICE_NAME": "shop-app-blue"},
                "networks": {"default": None},
                "ports": [{"target": 8080, "protocol": "tcp", "mode": "host"}],
                "deploy": {
                    "endpoint_mode": "dnsrr",
                    "replicas": 1,
                    "labels": {
                        "dockerflow.project": "shop",
                        "dockerflow.target": "app",
                        "dockerflow.service": "shop-app",
                        "dockerflow.color": "blue",
                    },
                },
            },
            "db": {
                "image": "db:1",
                "networks": {"default": None},
                "deploy": {"replicas": 1, "labels": {"dockerflow.project": "shop"}},
            },
        },
        "networks": {"default": {"name": "shop_default"}},
    }
    assert document.warnings == ()


COMPLETED = {"depends_on": {"db": {"condition": "service_completed_successfully"}}}
JOBS = [
    pytest.param({}, {}, None, id="nobody waits for its end"),
    pytest.param(COMPLETED, {}, {"condition": "none"}, id="Compose would not start it again, Swarm would"),
    pytest.param(COMPLETED, {"restart": "on-failure:2"}, {"condition": "on-failure", "max_attempts": 2}, id="said"),
    pytest.param(COMPLETED, {"deploy": {"mode": "replicated-job"}}, None, id="a job for Swarm, too"),
]


@pytest.mark.parametrize(("app", "db", "policy"), JOBS)
def test_a_job_is_not_started_again(app: dict[str, Any], db: dict[str, Any], policy: dict[str, Any] | None) -> None:
    project = shop(app, services={"db": {"image": "db:1", **db}})
    document = stack_document(project, "app", "blue", side_targets=["db"])
    assert document.content["services"]["db"]["deploy"].get("restart_policy") == policy
    assert document.warnings == ()


CHAIN = {
    "app": {"depends_on": {"seed": {"condition": "service_completed_successfully"}}},
    "seed": {"image": "seed:1", "depends_on": {"migrate": {"condition": "service_completed_successfully"}}},
    "migrate": {"image": "migrate:1", "depends_on": {"db": {"condition": "service_healthy"}}},
}
PARTS = [
    pytest.param(None, ["app-blue", "db", "migrate", "seed"], id="everything"),
    pytest.param(("db",), ["db"], id="no job"),
    pytest.param(("migrate",), ["migrate"], id="a job that only another side target waits for"),
    pytest.param(("seed",), ["seed"], id="a job that the target waits for"),
    pytest.param(("migrate", "seed"), ["migrate", "seed"], id="two at once"),
    pytest.param((), [], id="nothing"),
]


@pytest.mark.parametrize(("only", "expected"), PARTS)
def test_a_part_says_of_each_side_target_what_the_whole_says(only: tuple[str, ...] | None, expected: list[str]) -> None:
    project = shop(CHAIN["app"], services={name: CHAIN[name] for name in ("migrate", "seed")})
    side_targets = ["db", "migrate", "seed"]
    whole = stack_document(project, "app", "blue", side_targets=side_targets).content["services"]
    policies = {name: service["deploy"].get("restart_policy") for name, service in whole.items()}
    once = {"condition": "none"}
    assert policies == {"app-blue": None, "db": None, "migrate": once, "seed": once}
    part = stack_document(project, "app", "blue", side_targets=side_targets, only=only).content["services"]
    assert part == {name: whole[name] for name in expected}


HOPELESS = [
    pytest.param(COMPLETED, {"restart": "always"}, "service 'db': 'app' waits until it completed", id="it never ends"),
    pytest.param(
        {"depends_on": {"db": {"condition": "service_healthy"}}},
        {"healthcheck": {"disable": True}},
        "service 'app': depends_on.db waits for service_healthy, but the health check of 'db' is disabled",
        id="it never gets healthy",
    ),
]


@pytest.mark.parametrize(("app", "db", "said"), HOPELESS)
def test_a_condition_that_does_not_hold_is_named(app: dict[str, Any], db: dict[str, Any], said: str) -> None:
    project = shop(app, services={"db": {"image": "db:1", **db}})
    (sentence,) = stack_document(project, "app", "blue", side_targets=["db"]).warnings
    assert sentence.startswith(said)


def test_only_named_services_are_deployed() -> None:
    document = stack_document(shop(), "app", "green")
    assert list(document.content["services"]) == ["app-green"]


@pytest.mark.parametrize(
    ("deploy", "instances", "expected"),
    [
        pytest.param({}, None, 1, id="default"),
        pytest.param({"replicas": 3}, None, 3, id="file"),
        pytest.param({"replicas": 3}, 5, 5, id="live count"),
        pytest.param({"replicas": 3}, 0, 0, id="none"),
    ],
)
def test_instances(deploy: dict[str, Any], instances: int | None, expected: int) -> None:
    document = stack_document(shop({"deploy": deploy}), "app", "blue", instances=instances)
    assert document.content["services"]["app-blue"]["deploy"]["replicas"] == expected
    assert document.replicas == expected


def test_labels_of_the_file_and_of_the_caller() -> None:
    project = shop({"deploy": {"labels": {"team": "books"}}, "labels": {"kind": "container"}})
    service = stack_document(project, "app", "blue", labels={"dockerflow.run": "r1"}).content["services"]["app-blue"]
    assert service["labels"] == {"kind": "container"}
    known = stack_document(project, "app", "blue", labels={"dockerflow.spec": "s1"}).content["services"]["app-blue"]
    assert known["labels"] == {
        "kind": "container",
        "dockerflow.spec": "s1",
        "dockerflow.registered": "shop-app-blue",
        "dockerflow.port": "8080",
    }
    assert service["deploy"]["labels"] == {
        "team": "books",
        "dockerflow.project": "shop",
        "dockerflow.target": "app",
        "dockerflow.service": "shop-app",
        "dockerflow.color": "blue",
        "dockerflow.run": "r1",
    }


def test_a_name_that_somebody_chose_for_consul() -> None:
    project = dataclasses.replace(shop(), services={"web_app": shop().services["app"]})
    services = stack_document(project, "web_app", "green", service="web").content["services"]
    assert list(services) == ["web_app-green"]
    assert services["web_app-green"]["environment"]["SERVICE_NAME"] == "web-green"
    assert services["web_app-green"]["deploy"]["labels"]["dockerflow.service"] == "web"
    plain = stack_document(project, "web_app", None, service="web").content["services"]["web_app"]
    assert plain["environment"]["SERVICE_NAME"] == "web"


def test_images_are_pinned() -> None:
    images = {"app:1": "app:1@sha256:a", "db:1": "db:1@sha256:b"}
    services = stack_document(shop(), "app", "blue", images=images, side_targets=["db"]).content["services"]
    assert [service["image"] for service in services.values()] == ["app:1@sha256:a", "db:1@sha256:b"]


def test_side_target_keeps_what_it_runs_with() -> None:
    running = {"db": KeptService(replicas=4, image="db:0@sha256:c")}
    document = stack_document(shop(), "app", "blue", images={"db:1": "new"}, side_targets=["db"], running=running)
    db = document.content["services"]["db"]
    assert (db["image"], db["deploy"]["replicas"]) == ("db:0@sha256:c", 4)


@pytest.mark.parametrize(
    ("db", "kept", "expected"),
    [
        pytest.param({}, None, 1, id="nobody says"),
        pytest.param({"deploy": {"replicas": 0}}, None, 0, id="deploy.replicas: 0"),
        pytest.param({"scale": 0}, None, 0, id="scale: 0"),
        pytest.param({"scale": 2}, None, 2, id="scale"),
        pytest.param({"deploy": {"replicas": 0}, "scale": 2}, None, 0, id="deploy.replicas counts more"),
        pytest.param({"deploy": {"replicas": 0}}, 3, 3, id="it runs and keeps that"),
        pytest.param({"deploy": {"replicas": 3}}, 0, 0, id="it keeps none"),
    ],
)
def test_instances_of_a_side_target(db: dict[str, Any], kept: int | None, expected: int) -> None:
    project = shop(services={"db": {"image": "db:1", **db}})
    running = {"db": KeptService(replicas=kept)}
    document = stack_document(project, "app", "blue", side_targets=["db"], running=running)
    assert document.content["services"]["db"]["deploy"]["replicas"] == expected


def test_side_target_keeps_its_ports() -> None:
    ports = [{"target": 5432, "published": "5433", "mode": "ingress", "protocol": "tcp"}]
    project = shop(services={"db": {"image": "db:1", "ports": ports}})
    db = stack_document(project, "app", "blue", side_targets=["db"]).content["services"]["db"]
    assert db["ports"] == [{"target": 5432, "published": 5433, "mode": "ingress", "protocol": "tcp"}]
    assert "endpoint_mode" not in db["deploy"]


def test_dollars_are_doubled_for_the_client() -> None:
    project = shop({"environment": {"PRICE": "5$", "HOME": "${HOME}"}})
    environment = stack_document(project, "app", "blue").content["services"]["app-blue"]["environment"]
    assert (environment["PRICE"], environment["HOME"]) == ("5$$", "$${HOME}")


def test_rolling_update_without_colours() -> None:
    document = stack_document(shop(), "app", None)
    service = document.content["services"]["app"]
    assert service["environment"] == {"SERVICE_NAME": "shop-app"}
    assert service["deploy"]["update_config"] == {"order": "start-first", "failure_action": "rollback"}
    assert "dockerflow.color" not in service["deploy"]["labels"]
    assert service["ports"] == [{"target": 8080, "protocol": "tcp", "mode": "host"}]


def test_rolling_update_keeps_published_ports_and_the_users_update_config() -> None:
    project = shop(
        {
            "ports": [{"target": 8080, "published": "80", "mode": "ingress"}],
            "deploy": {"update_config": {"order": "stop-first", "delay": "5s"}},
        }
    )
    service = stack_document(project, "app", None).content["services"]["app"]
    assert service["ports"] == [{"target": 8080, "published": 80, "mode": "ingress", "protocol": "tcp"}]
    # A virtual IP: ingress ports do not go together with dnsrr.
    assert "endpoint_mode" not in service["deploy"]
    assert service["deploy"]["update_config"] == {"order": "stop-first", "failure_action": "rollback", "delay": "5s"}


WARNED: list[Any] = [
    pytest.param(
        {"environment": {"SERVICE_NAME": "mine"}}, "app", "SERVICE_NAME is set to 'shop-app-blue'", id="SERVICE_NAME"
    ),
    pytest.param({"networks": {"default": {"aliases": ["web"]}}}, "app", "alias web reaches both colours", id="alias"),
    pytest.param(
        {"depends_on": {"cache": {}}},
        "app",
        "it depends on 'cache', which does not run and is not deployed",
        id="dependency",
    ),
]


@pytest.mark.parametrize(("app", "service", "expected"), WARNED)
def test_warnings_of_a_coloured_target(app: dict[str, Any], service: str, expected: str) -> None:
    warnings = stack_document(shop(app), "app", "blue").warnings
    assert len(warnings) == 1
    assert warnings[0].startswith(f"service '{service}': {expected}")


def test_side_target_that_calls_the_target_by_name() -> None:
    project = shop(services={"db": {"image": "db:1", "environment": {"CALLBACK": "http://app:8080/"}}})
    assert stack_document(project, "app", "blue").warnings == ()
    (warning,) = stack_document(project, "app", "blue", side_targets=["db"]).warnings
    assert warning.startswith(
        "service 'db': environment.CALLBACK names 'app', a name that nothing in the stack answers to"
    )
    assert stack_document(project, "app", None, side_targets=["db"]).warnings == ()


REFUSED: list[Any] = [
    pytest.param({"ports": []}, {}, "target 'app' publishes no port, so the proxy cannot reach it", id="no port"),
    pytest.param(
        {}, {"target_port": 9}, "target_port 9 is not among the TCP ports of target 'app', which are 8080", id="port"
    ),
    pytest.param(
        {"image": None, "build": {"context": "."}}, {}, "target 'app' has only build, and a Swarm does not", id="build"
    ),
    pytest.param({"image": None}, {}, "target 'app' has no image", id="no image"),
    pytest.param({"deploy": {"mode": "global"}}, {}, "target 'app' has deploy.mode 'global'", id="global"),
    pytest.param({"network_mode": "host"}, {}, "target 'app' has network_mode 'host'", id="host network"),
    pytest.param(
        {}, {"side_targets": ["app"]}, "side_targets names the target 'app' itself", id="side target is target"
    ),
    pytest.param(
        {}, {"side_targets": ["bd"]}, "side_targets 'bd' is no service of .*did you mean 'db'", id="side target"
    ),
    pytest.param({"networks": {"gone": None}}, {}, "uses network 'gone' but does not define it", id="network"),
    pytest.param(
        {"volumes": [{"type": "volume", "source": "gone", "target": "/v"}]}, {}, "uses volume 'gone' but", id="volume"
    ),
    pytest.param({"secrets": [{"source": "gone"}]}, {}, "uses secret 'gone' but does not define it", id="secret"),
]


@pytest.mark.parametrize(("app", "options", "expected"), REFUSED)
def test_refused(app: dict[str, Any], options: dict[str, Any], expected: str) -> None:
    with pytest.raises(DeliveryError, match=expected):
        stack_document(shop(app), "app", "blue", **options)


def test_unknown_target_and_target_that_is_no_label() -> None:
    with pytest.raises(
        DeliveryError, match=r"target 'ap' is no service of .*did you mean 'app'.*available are app, db"
    ):
        stack_document(shop(), "ap", "blue")
    with pytest.raises(DeliveryError, match="target 'my_app' is not a valid DNS label"):
        stack_document(shop(services={"my_app": {"image": "x"}}), "my_app", "blue")


def test_global_target_without_colours() -> None:
    deploy = stack_document(shop({"deploy": {"mode": "global"}}), "app", None).content["services"]["app"]["deploy"]
    assert "replicas" not in deploy


def test_config_carries_a_hash_of_its_content() -> None:
    one = stack_document(shop_with_config(b"one"), "app", "blue")
    two = stack_document(shop_with_config(b"two"), "app", "blue")
    name = one.content["configs"]["c"]["name"]
    assert name.startswith("shop_c-")
    assert name != two.content["configs"]["c"]["name"]
    assert one.content["configs"]["c"] == {"name": name, "labels": {"dockerflow.project": "shop"}, "file": "config-c"}
    assert one.files == {"config-c": b"one"}
    assert one.content["services"]["app-blue"]["configs"] == [{"source": "c", "target": "/etc/c"}]


def test_external_config_is_left_alone() -> None:
    project = dataclasses.replace(shop_with_config(b"", {"external": True, "name": "theirs"}), contents={})
    document = stack_document(project, "app", "blue")
    assert document.content["configs"] == {"c": {"external": True, "name": "theirs"}}
    assert document.files == {}


def test_name_of_a_running_config_stays() -> None:
    # Written down: another name would make a new config and restart whatever mounts the old one.
    assert hashed_name("shop_c", b"one") == "shop_c-82a384db5b58"


def test_a_content_is_hashed_once_however_often_a_run_translates_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []

    def slow(_algorithm: str, content: bytes, _salt: bytes, _rounds: int) -> bytes:
        hashed.append(content)
        return hashlib.sha256(content).digest()

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", slow)
    one, two = (shop_with_config(content) for content in (b"hashed once", b"and this one"))
    for project in (one, two, one):
        spec_hash(project, "app")
        for color in ("blue", "green"):
            stack_document(project, "app", color)
    assert hashed == [b"hashed once", b"and this one"]


def test_long_names_stay_apart_and_short_enough() -> None:
    names = {hashed_name("n" * 60 + suffix, b"same") for suffix in "ab"}
    assert len(names) == 2
    assert {len(name) for name in names} == {64}


def test_written_files_are_private(tmp_path: Path) -> None:
    path = stack_document(shop_with_config(b"one"), "app", "blue").write(tmp_path)
    assert json.loads(path.read_text())["configs"]["c"]["file"] == "config-c"
    assert (tmp_path / "config-c").read_bytes() == b"one"
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_contents_are_not_in_the_representation() -> None:
    document = stack_document(shop_with_config(b"one-secret"), "app", "blue")
    assert "one-secret" not in repr(document)
    assert "app:1" not in repr(document)


def test_everything_at_once(tmp_path: Path) -> None:
    project = recorded_project("everything", tmp_path, "app", "db")
    document = stack_document(project, "app", "green", instances=3, side_targets=["db", "cache"])
    expected = json.loads((PROJECTS / "everything/stack.json").read_text())
    found = json.loads(json.dumps(document.content).replace(str(tmp_path / "everything"), "@DIRECTORY@"))
    assert found == expected
    listed = (PROJECTS / "everything/warnings.txt").read_text().splitlines()
    assert [sentence.replace(str(tmp_path / "everything"), "@DIRECTORY@") for sentence in document.warnings] == listed


def test_modern_file_translates_without_loss(tmp_path: Path) -> None:
    document = stack_document(recorded_project("modern", tmp_path, "app", "db"), "app", "blue", side_targets=["db"])
    assert document.warnings == ()
    assert document.content["services"]["app-blue"]["image"] == "example/books-ms:2"
    assert document.content["volumes"] == {"data": {"name": "books-ms_data"}}
    assert document.replicas == 3
