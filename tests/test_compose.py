import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from streams.tools.traffic_commands import COMMANDS
from testkit.jars import KAFKA_VERSION

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)["services"]
    return table


def test_a_worker_starts_only_when_broker_and_topics_are_there(
    services: dict[str, Any],
) -> None:
    assert services["worker"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "topics": {"condition": "service_completed_successfully"},
    }
    assert services["topics"]["command"] == ["topics", "create"]


def test_our_services_find_the_broker_under_its_inside_address(
    services: dict[str, Any],
) -> None:
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    for name in ("topics", "worker"):
        address = services[name]["environment"]["REFUND_KAFKA__BOOTSTRAP_SERVERS"]
        assert f"INSIDE://{address}" in advertised.split(",")


def test_nothing_is_published_beyond_this_machine(services: dict[str, Any]) -> None:
    ports = [port for one in services.values() for port in one.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_probe_asks_the_port_the_worker_serves(services: dict[str, Any]) -> None:
    worker = services["worker"]
    port = worker["environment"]["REFUND_WEB__PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in worker["healthcheck"]["test"][-1]
    assert all(published.endswith(f":{port}") for published in worker["ports"])


def test_the_policy_a_worker_reads_is_the_one_mounted_from_this_tree(
    services: dict[str, Any],
) -> None:
    worker = services["worker"]
    (mount,) = worker["volumes"]
    source, target, mode = mount.split(":")
    assert target == worker["environment"]["REFUND_POLICY__FILE"]
    assert mode == "ro"
    assert (ROOT / source).is_file()


def test_workers_get_time_to_finish_and_are_started_again(
    services: dict[str, Any],
) -> None:
    assert services["worker"]["stop_grace_period"] == "30s"
    assert services["worker"]["restart"] == "on-failure"


def test_traffic_is_made_on_demand_only_and_by_a_command_that_exists(
    services: dict[str, Any],
) -> None:
    traffic = services["traffic"]
    assert traffic["profiles"] == ["traffic"]
    assert [name for name, one in services.items() if "profiles" in one] == ["traffic"]
    assert traffic["depends_on"] == {"worker": {"condition": "service_healthy"}}
    name, *options = traffic["command"]
    command = COMMANDS[name]
    parsed = typer.Typer(add_completion=False)
    parsed.command(name)(command)
    found = typer.main.get_command(parsed).make_context(name, list(options))
    assert found.params["rate"] == 20
    assert found.params["into_live"] is True


def test_each_image_is_a_stage_of_the_dockerfile(services: dict[str, Any]) -> None:
    stages = re.findall(
        r"^FROM \S+ AS (\w+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE
    )
    ours = [services[name] for name in ("topics", "worker", "traffic")]
    assert {one["build"]["target"] for one in ours} == {"worker", "tools"}
    assert {one["build"]["target"] for one in ours} <= set(stages)
    assert stages[-1] == "worker", "what is built without a target"


def test_nothing_of_ours_can_write_to_its_root(services: dict[str, Any]) -> None:
    for name in ("worker", "traffic"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]


def test_the_compose_file_uses_the_kafka_version_of_the_tests(
    services: dict[str, Any],
) -> None:
    assert services["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
