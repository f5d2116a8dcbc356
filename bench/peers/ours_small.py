"""Our own machinery on the small decision: source, agent on slices, sink.

Usage: ``python -m bench.peers.ours_small BOOTSTRAP INPUT OUTPUT ORDERS BUYERS FOLDER``.
What this adds to a bare loop is what the engine's transport costs; rules, facts,
headers and metrics are left out, as they are for the peers.
"""

import sys
from collections.abc import Mapping
from typing import Final

import faust
import orjson
from aiokafka import TopicPartition
from faust.app.base import BootStrategy
from faust.types import ChannelT, StreamT
from faust.worker import Worker
from mode import Service
from mode.supervisors import CrashingSupervisor
from typing_extensions import override

from bench.kafka import now_ms
from bench.peers.small import SmallWorld
from streams.app.clients import member, start, writer
from streams.app.service import WorkerService, monotonic_ms
from streams.kafka.batches import LeanBatches
from streams.kafka.sink import Sink
from streams.kafka.source import Slice, Source, SourceLimits
from streams.settings import Kafka, Settings

_QUEUED_SLICES: Final = 16


class Transport(WorkerService):
    """Consumer, source, producer and sink, as the worker joins them."""

    def __init__(self, kafka: Kafka, requests: str, slices: "ChannelT[Slice]") -> None:
        super().__init__()
        self._kafka = kafka
        self._requests = requests
        self._slices = slices

    @override
    async def on_start(self) -> None:
        worker = Settings().worker
        self.producer = writer(self._kafka)
        await self.producer.start()
        batches = LeanBatches(self._kafka.compression_type)
        self.sink = Sink(self.producer, lambda *_: None, batches)
        self.consumer = member(self._kafka, self._kafka.group_id, now_ms())
        limits = SourceLimits(
            commit_interval_ms=worker.commit_interval_ms,
            drain_timeout_ms=worker.drain_timeout_ms,
            slice_max=self._kafka.max_poll_records,
            ownership_ms=self._kafka.session_timeout_ms,
        )
        self.source = Source(
            self.consumer, limits, self._deliver, self._prepare, monotonic_ms
        )
        self.consumer.subscribe([self._requests], listener=self.source)
        await start(self.consumer)

    async def _deliver(self, piece: Slice) -> None:
        await self._slices.put(piece)  # type: ignore[arg-type] # a channel yields what it is given

    async def _prepare(self, starts: Mapping[TopicPartition, int]) -> None:
        """Nothing to load: the small facts are simply there."""

    @Service.task
    async def _run_source(self) -> None:
        await self.run_until_stopped(self.source.run())

    @Service.task
    async def _run_commits(self) -> None:
        await self.run_until_stopped(self.source.commit_forever())

    @Service.task
    async def _run_sink_watch(self) -> None:
        await self.run_until_stopped(self._raise_loss())

    async def _raise_loss(self) -> None:
        raise await self.sink.failed()

    @override
    async def on_stop(self) -> None:
        await self.halt()
        self.source.close()
        await self.sink.flush()
        await self.source.stop()
        await self.consumer.stop()
        await self.producer.stop()


class _NoFaustKafka(BootStrategy):
    enable_kafka = False
    enable_kafka_consumer = False
    enable_kafka_producer = False


class SmallApp(faust.App):
    """A Faust app around the transport."""

    BootStrategy = _NoFaustKafka
    between: Transport

    @override
    async def on_started_init_extra_services(self) -> None:
        await super().on_started_init_extra_services()
        self.flow_control.resume()
        await self.add_runtime_dependency(self.between)


async def _decide(
    piece: Slice, world: SmallWorld, transport: Transport, topic: str
) -> None:
    source, sink = transport.source, transport.sink
    if not await source.still_ours(piece):
        return
    claim = source.progress.claim(piece.partition, piece.end_offset)
    where = TopicPartition(topic, piece.partition.partition)
    decide, loads, dumps, append = world.decide, orjson.loads, orjson.dumps, sink.append
    for record in piece.records:
        value = dumps(decide(loads(record.value or b"")))
        append(where, record.key, value, [], claim)
    claim.release()
    await sink.room()


def build(arguments: list[str]) -> SmallApp:
    """Build the app; names of topics and sizes come from the command line."""
    bootstrap, requests, decisions, orders, buyers, folder = arguments
    world = SmallWorld(int(orders), int(buyers))
    app = SmallApp(
        "ours-small",
        broker=f"kafka://{bootstrap}",
        autodiscover=False,
        datadir=folder,
        web_enabled=False,
        agent_supervisor=CrashingSupervisor,
        stream_wait_empty=False,
    )
    slices: ChannelT[Slice] = app.channel(maxsize=_QUEUED_SLICES)
    kafka = Kafka(bootstrap_servers=bootstrap, group_id=f"{requests}-ours-small")
    transport = app.between = Transport(kafka, requests, slices)

    @app.agent(slices)
    async def decide(pieces: StreamT[Slice]) -> None:
        async for piece in pieces:
            await _decide(piece, world, transport, decisions)

    return app


if __name__ == "__main__":
    Worker(
        build(sys.argv[1:]), loglevel="warning", quiet=True
    ).execute_from_commandline()
