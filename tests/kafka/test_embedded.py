"""The embedded broker: started, asked, and gone with whoever started it."""

import socket
import subprocess
import sys

import pytest

from streams.kafka.topic_admin import admin_client
from streams.settings import Kafka
from testkit.broker import BrokerFailedError
from testkit.embedded import EmbeddedBroker
from testkit.jars import BrokerUnavailableError

pytest.importorskip("confluent_kafka")


def connects(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.asyncio
async def test_topics_have_the_partitions_that_were_asked_for() -> None:
    with EmbeddedBroker({"a.b-c": 3, "wide": 8}) as broker:
        kafka = Kafka(bootstrap_servers=broker.bootstrap_servers)
        async with admin_client(kafka) as admin:
            found = await admin.describe_topics(None)
    assert {one["topic"]: len(one["partitions"]) for one in found} == {
        "a.b-c": 3,
        "wide": 8,
    }


def test_it_listens_on_loopback_and_is_gone_afterwards() -> None:
    broker = EmbeddedBroker({})
    assert not broker.running()
    with broker:
        assert broker.running()
        assert broker.bootstrap_servers.startswith("127.0.0.1:")
        assert connects(broker.bootstrap_servers)
    assert not broker.running()
    assert not connects(broker.bootstrap_servers)
    broker.stop()  # harmless


def test_it_ends_when_its_standard_input_does() -> None:
    command = [sys.executable, "-m", "testkit.embedded", "t:1"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"127.0.0.1:")
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_broker_that_dies_at_its_start_is_told_in_one_line() -> None:
    with (
        pytest.raises(BrokerFailedError, match=r"did not start: .*Assertion"),
        EmbeddedBroker({"t": -1}),
    ):
        pass


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(BrokerUnavailableError, match="make setup"):
        EmbeddedBroker({})
