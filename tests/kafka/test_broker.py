import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from faults.waiting import eventually
from testkit.broker import LocalCluster
from testkit.probe import known_brokers
from tests.kafka.conftest import Kafka


async def create(bootstrap: str, name: str, copies: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 2, copies)])
    finally:
        await admin.close()


async def write(bootstrap: str, name: str, value: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True
    )
    await producer.start()
    try:
        await producer.send_and_wait(name, value, partition=1)
    finally:
        await producer.stop()


async def read(bootstrap: str, name: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        where = TopicPartition(name, 1)
        consumer.assign([where])
        await consumer.seek_to_beginning(where)
        async with asyncio.timeout(30):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.asyncio
async def test_a_record_written_to_the_shared_broker_is_read_back(
    kafka: Kafka, topics: str
) -> None:
    await create(kafka.bootstrap, f"{topics}a", 1)
    await write(kafka.bootstrap, f"{topics}a", b"one")
    assert await read(kafka.bootstrap, f"{topics}a", 1) == [b"one"]


@pytest.mark.asyncio
async def test_a_killed_broker_comes_back_with_its_address_and_its_data(
    own_broker: LocalCluster, topics: str
) -> None:
    address = own_broker.bootstrap_servers
    await create(address, f"{topics}a", 1)
    await write(address, f"{topics}a", b"before")
    await asyncio.to_thread(own_broker.kill, 1)
    await asyncio.to_thread(own_broker.start_node, 1)
    assert own_broker.bootstrap_servers == address
    await write(address, f"{topics}a", b"after")
    assert await read(address, f"{topics}a", 2) == [b"before", b"after"]


@pytest.mark.asyncio
async def test_a_paused_broker_keeps_quiet_until_it_is_resumed(
    own_broker: LocalCluster, topics: str
) -> None:
    address = own_broker.bootstrap_servers
    await create(address, f"{topics}a", 1)
    own_broker.pause(1)
    writing = asyncio.create_task(write(address, f"{topics}a", b"late"))
    done, _ = await asyncio.wait({writing}, timeout=0.5)
    assert not done
    own_broker.resume(1)
    await asyncio.wait_for(writing, 60)
    assert await read(address, f"{topics}a", 1) == [b"late"]


@pytest.mark.asyncio
async def test_three_nodes_acknowledge_writes_while_one_is_down(
    cluster3: LocalCluster, topics: str
) -> None:
    address = cluster3.bootstrap_servers
    assert len(address.split(",")) == 3
    await create(address, f"{topics}a", 3)
    await write(address, f"{topics}a", b"all up")
    await asyncio.to_thread(cluster3.kill, 2)
    try:
        await write(address, f"{topics}a", b"one down")
    finally:
        await asyncio.to_thread(cluster3.start_node, 2)
    assert await read(address, f"{topics}a", 2) == [b"all up", b"one down"]


PROGRAM = """
import sys
from pathlib import Path
from testkit.broker import LocalCluster

cluster = LocalCluster(Path(sys.argv[1]), Path(sys.argv[2]))
cluster.start()
print(cluster.bootstrap_servers, flush=True)
sys.stdin.read()
"""


def test_a_broker_does_not_outlive_a_killed_owner(libs: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(libs), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        port = int(owner.stdout.readline().rpartition(":")[2])
        assert known_brokers("127.0.0.1", port) == {1}
        os.kill(owner.pid, signal.SIGKILL)

    async def gone() -> bool:
        return not known_brokers("127.0.0.1", port)

    assert asyncio.run(eventually(gone))


def test_nothing_listens_means_no_brokers_known() -> None:
    assert known_brokers("127.0.0.1", 1) == frozenset()
