"""What every reading service of a worker is: one member of a group, one sink."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import ChannelT
from mode import Service
from typing_extensions import override

from streams.app.clients import member, start
from streams.app.figures import SourceFigures
from streams.app.service import WorkerService, close_all, monotonic_ms
from streams.kafka import twins
from streams.kafka.batches import LeanBatches
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll
from streams.kafka.source import Source, SourceLimits
from streams.kafka.spacing import Spacing, space_out
from streams.settings import Settings

QUEUED_POLLS: Final = 16
"""Polls that may wait for the agent; then the source stops polling."""

_GAUGES_S: Final = 1.0
"""Between two looks at what the gauges show."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a service reads, as which group, and who gets it."""

    settings: Settings
    topic: str
    group_id: str
    slice_max: int
    """Records in one poll at most, and so in one slice."""
    polls: ChannelT[Poll]
    """Holds ``QUEUED_POLLS`` at most."""
    now_ms: Callable[[], int]
    """UTC ms; outputs carry it."""
    policy_file: str = ""
    """``FR@1:HASH`` of the policy file this worker began with; the group is told."""


class ReadingService(WorkerService):
    """Slices of one topic to an agent, its outputs through one sink, offsets back.

    A subclass connects in ``on_start`` and calls :meth:`join` last.
    """

    def __init__(self, reading: Reading, **options: Any) -> None:  # noqa: ANN401 - mode's own
        super().__init__(**options)
        self._reading = reading
        self._started_ms = reading.now_ms()
        """Of two twins the older one ends."""
        self.spacing = Spacing(reading.settings.kafka.fetch_gather_ms)
        self.built = asyncio.Event()
        """Set when consumer, source and sink exist."""

    @abstractmethod
    async def prepare(self, starts: Mapping[TopicPartition, int]) -> None:
        """Get ready to read these partitions from these offsets on."""

    @abstractmethod
    def closers(self) -> list[Callable[[], Awaitable[None]]]:
        """Return what is to be closed last: the producer and whatever else there is."""

    def let_go(self) -> None:
        """Write nothing any more: what is on its way is about to be waited for."""

    async def join(
        self,
        producer: AIOKafkaProducer,
        written: Callable[[TopicPartition, int, int], None],
    ) -> None:
        """Build sink and source, and join the group.

        Parameters
        ----------
        producer
            Connected.
        written
            Called with partition, base offset and count of every acknowledged batch.
        """
        reading, settings = self._reading, self._reading.settings
        batches = LeanBatches(
            settings.kafka.compression_type,
            reading.now_ms,
            settings.topics.partitions,
        )
        self.sink = Sink(producer, written, batches)
        self.consumer: AIOKafkaConsumer = member(
            settings.kafka, reading.group_id, self._started_ms, reading.policy_file
        )
        self.source = Source(
            self.consumer,
            SourceLimits(
                commit_interval_ms=settings.worker.commit_interval_ms,
                drain_timeout_ms=settings.worker.drain_timeout_ms,
                slice_max=reading.slice_max,
                ownership_ms=settings.kafka.session_timeout_ms,
            ),
            self._deliver,
            self.prepare,
            monotonic_ms,
        )
        self.built.set()
        self.consumer.subscribe([reading.topic], listener=self.source)
        await start(self.consumer)
        space_out(self.consumer, self.spacing)

    async def _deliver(self, poll: Poll) -> None:
        self.spacing.came(sum(len(piece.records) for piece in poll))
        # A channel yields what is put into it; Faust's events carry what a topic adds.
        await self._reading.polls.put(poll)  # type: ignore[arg-type]

    @cached_property
    def figures(self) -> SourceFigures:
        """What is shown of the source; there once everything is built."""
        return SourceFigures(self.source)

    def look(self) -> None:
        """Bring the gauges up to date; called once a second. There may be none."""

    @Service.task
    async def _run_gauges(self) -> None:
        await self.run_until_stopped(self._fill_gauges())

    async def _fill_gauges(self) -> None:
        while True:
            await self.figures.refresh()
            self.look()
            await asyncio.sleep(_GAUGES_S)

    @Service.task
    async def _run_source(self) -> None:
        await self.run_until_stopped(self.source.run())

    @Service.task
    async def _run_commits(self) -> None:
        await self.run_until_stopped(self.source.commits.forever())

    @Service.task
    async def _run_twin_watch(self) -> None:
        reading = self._reading
        kafka, group_id = reading.settings.kafka, reading.group_id
        await self.run_until_stopped(
            twins.watch(kafka, group_id, self._started_ms, self.source.commits.refused)
        )

    @Service.task
    async def _run_sink_watch(self) -> None:
        await self.run_until_stopped(self._raise_loss())

    async def _raise_loss(self) -> None:
        raise await self.sink.failed()

    @override
    async def on_stop(self) -> None:
        """Read nothing new, acknowledge, commit, leave the group, disconnect."""
        if not self.built.is_set():
            return
        await self.halt()
        self.source.close()
        self.let_go()
        await close_all(
            [
                self.sink.flush,
                self.source.stop,
                self.consumer.stop,
                self.sink.abort,
                *self.closers(),
            ],
            self._reading.settings.worker.drain_timeout_ms,
        )
