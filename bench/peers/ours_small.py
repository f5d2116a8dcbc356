"""Our own machinery on the small decision: source, agent on slices, sink.

Usage: ``python -m bench.peers.ours_small BOOTSTRAP INPUT OUTPUT ORDERS BUYERS FOLDER``.
What this adds to a bare loop is what the engine's transport costs; rules, facts,
headers and metrics are left out, as they are for the peers.
"""

import sys
from collections.abc import Mapping

import faust
from aiokafka import TopicPartition
from faust.app.base import BootStrategy
from faust.types import ChannelT
from mode.supervisors import CrashingSupervisor
from typing_extensions import override

from bench.kafka import now_ms
from bench.peers.faust_worker import worker_of
from bench.peers.typed import TypedWorld
from streams.kafka.clients import build_for_ingest
from streams.kafka.incarnations import Expected
from streams.kafka.slices import Part, Poll, Slice
from streams.kafka.source import Starts
from streams.records.record_format import NO_HEADERS
from streams.settings import Kafka, Settings
from streams.worker.agents import attach
from streams.worker.allocator import collect_seldom, keep_freed
from streams.worker.processor import QUEUED_POLLS, Processor, ProcessorParts
from streams.worker.slice_driver import SliceDriver


class Transport(Processor):
    """Consumer, source, producer and sink, as the worker joins them."""

    @override
    async def on_start(self) -> None:
        keep_freed()
        collect_seldom()
        self.clients = build_for_ingest(self._reading.settings.kafka)
        self.connected += self.clients.all()
        await self.clients.start()
        await self.know_topics(self.clients.asking)
        await self.join(self.clients.producer, lambda *_: None)

    @override
    def expected(self) -> Mapping[str, Expected]:
        return {}

    @override
    async def prepare(self, starts: Starts) -> None:
        """Nothing to load: the small facts are simply there."""


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


class SmallStep:
    """Answers the records of a slice (:class:`streams.kafka.slices.Step`)."""

    def __init__(self, world: TypedWorld, topic: str) -> None:
        self._answer = world.answer
        self._topic = topic

    def begin(self, poll: Poll) -> None:
        """Nothing is shared by the slices of a poll."""

    async def read(self, piece: Slice) -> None:
        """Nothing is waited for."""

    def take(self, piece: Slice) -> Part:
        """Answer all records."""
        where = TopicPartition(self._topic, piece.partition.partition)
        answer = self._answer
        outputs = [
            (record.key, answer(record.value or b""), NO_HEADERS)
            for record in piece.records
        ]
        return Part(piece, {where: outputs}, last=True)

    def abandon(self, piece: Slice) -> None:
        """Nothing is kept."""


def build(arguments: list[str]) -> SmallApp:
    """Build the app; names of topics and sizes come from the command line."""
    bootstrap, requests, decisions, orders, buyers, folder = arguments
    world = TypedWorld(int(orders), int(buyers))
    app = SmallApp(
        "ours-small",
        broker=f"kafka://{bootstrap}",
        autodiscover=False,
        datadir=folder,
        web_enabled=False,
        agent_supervisor=CrashingSupervisor,
        stream_wait_empty=False,
    )
    polls: ChannelT[Poll] = app.channel(maxsize=QUEUED_POLLS)
    group_id = f"{requests}-ours-small"
    kafka = Kafka(bootstrap_servers=bootstrap, group_id=group_id)
    transport = app.between = Transport(
        ProcessorParts(
            settings=Settings(kafka=kafka),
            topic=requests,
            group_id=group_id,
            slice_max=kafka.max_poll_records,
            polls=polls,
            now_ms=now_ms,
        )
    )

    async def driver() -> SliceDriver:
        await transport.built.wait()
        step = SmallStep(world, decisions)
        return SliceDriver(
            transport.source, transport.sink, step, lambda *_: None, now_ms
        )

    attach(app, "decide", polls, driver)
    return app


if __name__ == "__main__":
    worker_of(build(sys.argv[1:])).execute_from_commandline()
