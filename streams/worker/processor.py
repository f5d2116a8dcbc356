"""The base of every reading service of a worker: one group member and one sink."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import ChannelT
from mode import Service
from typing_extensions import override

from streams.errors import StalledError, TopicsError
from streams.kafka import static_membership
from streams.kafka.aiokafka_internals.fetch_pacing import FetchPacing, pace_fetches
from streams.kafka.aiokafka_internals.topic_ids import topics_now
from streams.kafka.batches import RecordBatches
from streams.kafka.clients import member, start
from streams.kafka.ending import GRACE_MS as DISCONNECT_GRACE_MS
from streams.kafka.ending import Client, disconnect
from streams.kafka.errors import FOREIGN
from streams.kafka.incarnations import Expected, Incarnations
from streams.kafka.input_log import InputLog
from streams.kafka.room import Room
from streams.kafka.sink import Sink
from streams.kafka.slices import Poll
from streams.kafka.source import Source, SourceLimits, Starts
from streams.processing.topics import DEAD_LETTERS
from streams.records.unread import Bounds
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.worker.broker_contact import BrokerContact
from streams.worker.gauges import SourceGauges
from streams.worker.readiness import ranges
from streams.worker.supervision import WorkerService, in_turn, monotonic_ms, patiently
from streams.worker.watchdog import Patience, Watchdog

log = logging.getLogger(__name__)

_CLOSING_S: Final = 1.0
_CLOSING_PART: Final = 4
"""Of the drain time, a second is reserved for leaving the group and disconnecting; a
quarter if it is short."""
QUEUED_POLLS: Final = 16
"""Most polls that wait for the slice driver; then the source stops polling."""

_GAUGES_S: Final = 1.0
"""Time between two updates of the gauges, seconds."""


LOOK_S: Final = 0.5
"""Time between two checks that topics are unchanged, seconds."""
_DOUBT_MS: Final = 10_000
"""Without a successful check for this long, ms, a worker is not ready."""


class ProcessorParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a service reads, as which group, and the channel that receives it."""

    settings: Settings
    topic: str
    group_id: str
    slice_max: int
    """Most records in one poll, and so in one slice."""
    polls: ChannelT[Poll]
    """Holds at most ``QUEUED_POLLS``."""
    now_ms: Callable[[], int]
    """UTC ms; outputs carry it."""
    policy_file: str = ""
    """``FR@1:HASH`` of the policy file this worker started with; sent to the group."""


class Processor(WorkerService):
    """Passes polls to the slice driver and outputs to one sink, and commits offsets.

    A subclass connects in ``on_start`` and calls :meth:`join` last.
    """

    def __init__(self, reading: ProcessorParts, **options: Any) -> None:  # noqa: ANN401 - mode's own
        super().__init__(**options)
        self._reading = reading
        self._started_ms = reading.now_ms()
        """Start time, UTC ms: of two members with one static name the older one
        ends."""
        self.pacing = FetchPacing(reading.settings.kafka.fetch_gather_ms)
        self.room = Room()
        """The largest record that each topic accepts; set before the start."""
        self.built = asyncio.Event()
        """Set when consumer, source and sink exist."""
        self.connected: list[Client] = []
        """Clients to close at the end; added as they are created."""

    @abstractmethod
    async def prepare(self, starts: Starts) -> None:
        """Prepare to read these partitions from their start offsets."""

    @abstractmethod
    def expected(self) -> Mapping[str, Expected]:
        """Return the topics that must not be deleted and created again while this runs."""

    async def close_others(self) -> None:
        """Close what is no Kafka client; the default has none."""

    def read_again(self, partitions: Collection[int]) -> None:
        """Look for answers in all outputs of partitions whose slices were left unfinished."""

    def distrusts(self) -> str | None:
        """Return this program version if its fast path was found wrong; committed with offsets."""
        return None

    def let_go(self) -> None:
        """Stop writing outputs: the caller is about to wait for those in flight."""

    async def know_topics(self, asking: AIOKafkaConsumer) -> None:
        """Note the topic ids behind the names of the topics.

        Parameters
        ----------
        asking
            Connected, without a group, reads uncommitted.

        Raises
        ------
        TopicsError
            A topic has another number of partitions than it must have.
        """
        self._asking = asking
        self.incarnations = Incarnations(
            lambda names: topics_now(asking, names), self.expected(), monotonic_ms
        )
        await self.incarnations.look_patiently()
        if not all(map(self.incarnations.id_of, self.expected())):
            log.warning(
                "the brokers report no topic ids (Kafka before 2.8): this worker may not "
                "notice that a topic is recreated"
            )

    async def join(
        self,
        producer: AIOKafkaProducer,
        written: Callable[[TopicPartition, int, int], None],
    ) -> None:
        """Build sink and source and join the group; call :meth:`know_topics` before.

        Parameters
        ----------
        producer
            Connected.
        written
            Called with partition, base offset and count of every acknowledged batch.
        """
        reading, settings = self._reading, self._reading.settings
        batches = RecordBatches(
            settings.kafka.compression_type,
            reading.now_ms,
            settings.topics.partitions,
            self.room.batch(),
        )
        self.sink = Sink(producer, written, batches)
        self.consumer: AIOKafkaConsumer = member(
            settings.kafka, reading.group_id, self._started_ms, reading.policy_file
        )
        self.connected.append(self.consumer)
        self.source = Source(
            self.consumer,
            InputLog(reading.group_id, self.consumer, self._asking, self.incarnations),
            SourceLimits(
                commit_interval_ms=settings.worker.commit_interval_ms,
                drain_timeout_ms=settings.worker.drain_timeout_ms,
                slice_max=reading.slice_max,
                ownership_ms=settings.kafka.session_timeout_ms,
            ),
            self._deliver,
            self._take_over,
            monotonic_ms,
        )
        self.hearing = self.hear(self.source.heard)
        self.source.marks.distrusts = self.distrusts
        self.built.set()
        self.consumer.subscribe([reading.topic], listener=self.source)
        await patiently(
            lambda: start(self.consumer, self.bounds()),
            settings.worker.load_timeout_ms,
        )
        pace_fetches(self.consumer, self.pacing)

    def bounds(self) -> Bounds:
        """Return the size limits for reading; a larger record is kept whole if it fits a letter."""
        most = self._reading.settings.worker.record_max_bytes
        return Bounds(most, self.letter_max_bytes())

    def letter_max_bytes(self) -> int:
        """Return the size limit of a dead letter: that of its topic and that of our producer."""
        settings = self._reading.settings
        letters = topic_name(DEAD_LETTERS, settings.topics)
        return min(self.room.of(letters), settings.kafka.max_request_bytes)

    async def _take_over(self, starts: Starts) -> None:
        """Prepare partitions, once nothing that we sent for them before is under way.

        A rebalance waits for acknowledgements only as long as a drain may take. Offsets of
        slices that it left unfinished are not committed, though outputs of them may exist:
        without another look at the outputs their requests would be answered twice.

        Raises
        ------
        StalledError
            They are not acknowledged within ``kafka.request_timeout_ms``. The watchdog
            does not see them: they belong to no slice any more.
        """
        patience_ms = self._reading.settings.kafka.request_timeout_ms
        try:
            async with asyncio.timeout(patience_ms / 1000):
                await self.sink.settled({where.partition for where in starts})
        except TimeoutError:
            raise StalledError(
                f"outputs from before a rebalance not acknowledged for {patience_ms} ms"
            ) from None
        unsettled = self.source.unsettled & starts.keys()
        self.read_again([where.partition for where in unsettled])
        self.source.unsettled -= unsettled
        await self.prepare(starts)

    async def _deliver(self, poll: Poll) -> None:
        self.pacing.came(sum(len(piece.records) for piece in poll))
        # A channel yields what is put into it, not Faust events.
        await self._reading.polls.put(poll)  # type: ignore[arg-type]

    @cached_property
    def figures(self) -> SourceGauges:
        """The gauges of the source; available once everything is built."""
        return SourceGauges(self.source, self._reading.now_ms)

    def hear(self, heard: Callable[[], int | None]) -> BrokerContact:
        """Track the answers to a consumer; the limit is the group's session timeout."""
        bound_ms = self._reading.settings.kafka.session_timeout_ms
        return BrokerContact(heard, monotonic_ms, bound_ms)

    def cut_off(self) -> list[str]:
        """Return which requests the brokers no longer answer; empty = they answer."""
        if not self.hearing.lost():
            return []
        return [f"the brokers have not answered for {self._reading.topic} for too long"]

    def idle_spare(self) -> bool:
        """Whether the group has assigned no partition to this worker: it stands by."""
        return self.source.rebalances > 0 and not self.consumer.assignment()

    def reads(self) -> str | None:
        """Return the partitions that are read, as text; None between assignments and at the end."""
        if self.stopping:
            return None
        topic = self._reading.topic
        numbers = ranges(where.partition for where in self.source.read_to)
        if numbers:
            return f"partitions {numbers} of {topic}"
        return f"no partition of {topic}, standby" if self.idle_spare() else None

    def look(self) -> None:
        """Update the gauges, if any; called once a second."""

    @Service.task
    async def _run_log_watch(self) -> None:
        await self.run_until_stopped(self._watch_logs())

    async def _watch_logs(self) -> None:
        await self.built.wait()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look_at_logs()
            except TopicsError:
                self.source.close()  # queued polls are no longer judged
                raise
            except FOREIGN as problem:
                log.debug("topics not checked: %s", problem)

    async def look_at_logs(self) -> None:
        """Check that topics are unchanged; raises as ``Incarnations.look``."""
        await self.incarnations.look()

    def unwatched(self) -> list[str]:
        """Return why topics may have changed; empty = recently checked and unchanged."""
        looked_ms = self.incarnations.looked_ms
        if looked_ms is None or monotonic_ms() - looked_ms > _DOUBT_MS:
            return ["no broker answers whether the topics have changed"]
        return []

    @Service.task
    async def _run_gauges(self) -> None:
        await self.run_until_stopped(self._fill_gauges())

    async def _fill_gauges(self) -> None:
        while True:
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
            static_membership.watch(
                kafka, group_id, self._started_ms, self.source.commits.refused
            )
        )

    def watchdog(self, patience: Patience) -> Watchdog:
        """Return the watchdog that ends this service when it stalls."""
        return Watchdog(self.source, self._asking, patience)

    @Service.task
    async def _run_watchdog(self) -> None:
        settings = self._reading.settings
        stall_ms = settings.worker.stall_after_ms
        patience = Patience(
            stall_ms=stall_ms,
            acknowledge_ms=min(stall_ms, settings.kafka.request_timeout_ms),
        )
        await self.run_until_stopped(self.watchdog(patience).watch())

    @Service.task
    async def _run_sink_watch(self) -> None:
        await self.run_until_stopped(self._raise_loss())

    async def _raise_loss(self) -> None:
        raise await self.sink.failed()

    @override
    async def on_stop(self) -> None:
        """Stop reading, wait for acknowledgements, commit, leave the group, disconnect.

        Takes at most the drain time, whatever does not answer; a part of it is reserved
        for closing the clients.
        """
        drain_s = self._reading.settings.worker.drain_timeout_ms / 1000
        loop = asyncio.get_running_loop()
        until_s = loop.time() + drain_s
        begin_to_close_s = until_s - min(_CLOSING_S, drain_s / _CLOSING_PART)
        await in_turn([self.halt], begin_to_close_s)
        if self.built.is_set():
            self.source.close()
            self.let_go()
            await in_turn(
                [self.sink.flush, self.source.stop, self.sink.abort], begin_to_close_s
            )
        left_ms = (until_s - loop.time()) * 1000
        await disconnect(self.connected, max(0, int(left_ms) - DISCONNECT_GRACE_MS))
        await in_turn([self.close_others], until_s)
