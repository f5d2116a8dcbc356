"""A running cluster: nodes that fail, stand still, refuse or cannot be reached."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from testkit.simulated import wire
from tests.testkit.simulated.running_cluster import (
    CLIENTS,
    PRODUCE,
    Scene,
    Script,
    play,
    sent,
)


def test_clients_go_on_with_another_leader_when_a_node_fails() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        assert await sent(producer, b"a") == 0
        failed = scene.leader
        scene.running.node_down(failed)
        await asyncio.sleep(0.001)
        assert not scene.running.servers[failed].connections
        assert await sent(producer, b"b") == 1
        assert scene.leader != failed
        await scene.running.node_up(failed)
        await scene.knock(failed)
        assert scene.cluster.controller_id == 1

    play(say)


def test_a_failed_node_refuses_and_going_down_or_up_twice_changes_nothing() -> None:
    async def say(scene: Scene) -> None:
        running, epoch = scene.running, scene.partition.leader_epoch
        running.node_down(1)
        running.node_down(1)
        assert scene.partition.leader_epoch == epoch + 1
        with pytest.raises(ConnectionRefusedError):
            await scene.knock(1)
        await running.node_up(1)
        await running.node_up(1)
        await scene.knock(1)

    play(say)


def test_nobody_is_reached_when_all_nodes_are_down_and_all_when_they_return() -> None:
    async def say(scene: Scene) -> None:
        for node in scene.cluster.nodes:
            scene.running.node_down(node)
        assert scene.cluster.controller_id == -1
        with pytest.raises(KafkaConnectionError):
            await scene.producer()
        for node in scene.cluster.nodes:
            await scene.running.node_up(node)
        assert await sent(await scene.producer(), b"a") == 0

    play(say)


def test_a_paused_node_answers_only_when_it_goes_on() -> None:
    script = Script(PRODUCE)

    async def say(scene: Scene) -> None:
        producer = await scene.producer(request_timeout_ms=30_000)
        assert await sent(producer, b"a") == 0
        scene.running.pause(scene.leader)
        before_s = scene.now_s()
        sending = asyncio.create_task(sent(producer, b"b"))
        await asyncio.sleep(5)
        assert not sending.done()
        assert len(script.calls) == 1, "it has not looked at the request"
        assert scene.running.servers[scene.leader].connections, "they stay open"
        scene.running.go_on(scene.leader)
        assert await sending == 1
        assert 5 <= scene.now_s() - before_s < 5.5

    play(say, script)


def test_a_node_that_refuses_keeps_the_connections_it_has() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        assert await sent(producer, b"a") == 0
        scene.running.refuse(scene.leader)
        assert await sent(producer, b"b") == 1
        with pytest.raises(ConnectionRefusedError):
            await scene.knock(scene.leader)
        await scene.running.servers[scene.leader].listen()
        await scene.knock(scene.leader)

    play(say)


def test_through_a_cut_network_nothing_gets_and_all_of_it_once_it_is_mended() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer(request_timeout_ms=30_000)
        assert await sent(producer, b"a") == 0
        scene.running.cut_network(CLIENTS, scene.leader)
        sending = asyncio.create_task(sent(producer, b"b"))
        await asyncio.sleep(3)
        assert scene.values == [b"a"]
        assert not sending.done()
        scene.running.mend_network(CLIENTS, scene.leader)
        assert await sending == 1
        assert scene.values == [b"a", b"b"]

    play(say)


def test_connections_of_one_host_are_reset_and_those_of_others_are_not() -> None:
    async def say(scene: Scene) -> None:
        producer = await scene.producer()
        assert await sent(producer, b"a") == 0
        server = scene.running.servers[scene.leader]
        held = list(server.connections)
        server.reset("somebody-else")
        await asyncio.sleep(0.1)
        assert list(server.connections)[: len(held)] == held
        server.reset(CLIENTS)
        await asyncio.sleep(0.001)
        assert not set(held) & set(server.connections)
        assert await sent(producer, b"b") == 1

    play(say)


def test_a_request_that_nobody_knows_is_an_error_of_ours() -> None:
    head = b"\x03\xe7\x00\x01" + bytes(4) + b"\xff\xff"
    with pytest.raises(KeyError, match="999, 1"):
        wire.decode(head)


VERSIONS = b"\x00\x12\x00\x00"
"""ApiVersions, version 0."""


def framed(correlation_id: int) -> bytes:
    body = VERSIONS + correlation_id.to_bytes(4) + b"\x00\x01c"
    return len(body).to_bytes(4) + body


async def answered(reader: asyncio.StreamReader) -> int:
    """Return the correlation id of the next answer."""
    size = int.from_bytes(await reader.readexactly(4))
    return int.from_bytes((await reader.readexactly(size))[:4])


@pytest.mark.parametrize("piece", [1, 5, 17, 1_000])
def test_requests_are_answered_in_order_however_their_bytes_arrive(piece: int) -> None:
    async def say(scene: Scene) -> None:
        address = scene.cluster.nodes[1]
        reader, writer = await asyncio.open_connection(address.host, address.port)
        data = framed(11) + framed(12) + framed(13)
        for at in range(0, len(data), piece):
            writer.write(data[at : at + piece])
            await asyncio.sleep(0.01)
        assert [await answered(reader) for _ in range(3)] == [11, 12, 13]
        writer.close()
        await writer.wait_closed()

    play(say)
