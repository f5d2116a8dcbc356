"""The ingest service: platform events of its own consumer group, and their watermarks."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

import aiohttp
import msgspec
import orjson
from aiokafka import TopicPartition
from faust.types import ChannelT
from mode import Service
from typing_extensions import override

from streams.errors import FactsUnreadableError
from streams.families.fast_refund.topics import ORDERS
from streams.kafka.clients import IngestClients, build_for_ingest
from streams.kafka.incarnations import Expected, expected
from streams.kafka.slices import Poll
from streams.kafka.source import Starts
from streams.platforms.kuaishou.client import (
    Limits,
    OpenPlatform,
    Platform,
    SilentPlatform,
)
from streams.platforms.kuaishou.credentials import Credentials
from streams.platforms.kuaishou.ingest import Ingest
from streams.platforms.kuaishou.ingest_role import Destination, IngestStep
from streams.platforms.kuaishou.memory import Horizon
from streams.platforms.kuaishou.order_placement import Placement, PlacementReader
from streams.platforms.kuaishou.reading import Reader
from streams.platforms.kuaishou.topics import EVENTS, INGESTED
from streams.processing.watermarks import WATERMARK_KEY
from streams.records.record_format import NO_HEADERS
from streams.settings import Kuaishou, Secret, Settings
from streams.settings.topics import placed, topic_name
from streams.worker.ingest_counters import IngestCounters
from streams.worker.processor import Processor, ProcessorParts
from streams.worker.slice_driver import SliceDriver
from streams.worker.supervision import connect, monotonic_ms
from streams.worker.watchdog import Patience, PatientWatchdog, Watchdog

log = logging.getLogger(__name__)

_CHECK_S: Final = 0.1
_HEADERS_BYTES: Final = 256
"""Most header bytes of a record made from an event: a trace."""


class IngestInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the app passes to the service."""

    settings: Settings
    now_ms: Callable[[], int]
    counters: IngestCounters
    polls: ChannelT[Poll]
    categories: Mapping[str, tuple[str, ...]]
    app_version: str


class _NoClaim:
    """Stands for no pending slice: a watermark follows from committed offsets."""

    def hold(self) -> None:
        """Do nothing: no offset waits for it."""

    def release(self) -> None:
        """Do nothing: no offset waits for it."""


class IngestService(Processor):
    """Connects the platform's events with the canonical topics."""

    def __init__(self, inputs: IngestInputs) -> None:
        settings = inputs.settings
        reading = ProcessorParts(
            settings=settings,
            topic=topic_name(EVENTS, settings.topics),
            group_id=settings.ingest_group(),
            slice_max=settings.kuaishou.concurrency,
            polls=inputs.polls,
            now_ms=inputs.now_ms,
        )
        super().__init__(reading)
        self._in = inputs
        self._readers: dict[int, Ingest] = {}
        self.session: aiohttp.ClientSession | None = None
        (self._orders,) = placed((ORDERS,), settings)
        self.placement = Placement(
            self._orders.partitions, Horizon().entities_ms, inputs.now_ms
        )

    @override
    async def on_start(self) -> None:
        settings = self._in.settings
        self.clients: IngestClients = await connect(
            lambda: build_for_ingest(settings.kafka), settings.worker.load_timeout_ms
        )
        self.connected += self.clients.all()
        self._placing = PlacementReader(
            self.clients.orders,
            self._orders.name,
            self._orders.partitions,
            self.placement,
        )
        self.session = aiohttp.ClientSession()
        self.platform = _platform(settings.kuaishou, self.session, self._in.now_ms)
        await self.know_topics(self.clients.asking)
        await self.join(self.clients.producer, lambda _where, _offset, _count: None)

    async def driver(self) -> SliceDriver:
        """Return the slice driver, once it is built."""
        await self.built.wait()
        settings, counters = self._in.settings, self._in.counters
        topics = {one.row.name: one for one in placed(INGESTED, settings)}
        takes = min(self.room.of(topic.name) for topic in topics.values())
        destination = Destination(
            topics=topics,
            placement=self.placement,
            app_version=self._in.app_version,
            record_max_bytes=min(
                settings.worker.record_max_bytes, takes - _HEADERS_BYTES
            ),
            letter_max_bytes=self.letter_max_bytes(),
        )
        step = IngestStep(
            self._ingest, self._forget, destination, counters, self._in.now_ms
        )
        return SliceDriver(
            self.source, self.sink, step, counters.acknowledged, self._in.now_ms
        )

    @override
    def watchdog(self, patience: Patience) -> Watchdog:
        """Return a watchdog that allows one poll the platform's time for all its events."""
        asked = self._in.settings.kuaishou
        poll_ms = asked.concurrency * asked.attempts * asked.timeout_ms
        patience = msgspec.structs.replace(
            patience, stall_ms=patience.stall_ms + poll_ms
        )
        return PatientWatchdog(self.source, self.clients.asking, patience)

    @override
    def look(self) -> None:
        self._in.counters.look_at_source(self.source, self.figures.lag())
        self._in.counters.agents({"ingest": self.failure is None})

    def not_ready(self) -> list[str]:
        """Return the reasons why events are not read yet; empty = ready."""
        if not self.built.is_set():
            return ["ingest waits for a broker"]
        if not self.source.first_assignment.is_set() and not self.source.rebalances:
            return ["ingest waits for its first assignment"]
        return self.unwatched() + self.cut_off()

    def status(self) -> dict[str, object]:
        """Return what ``/status`` shows of ingestion."""
        if not self.built.is_set():
            return {"ingest": {"state": "connecting"}}
        return {
            "ingest": {
                str(where.partition): {"read_to": offset}
                for where, offset in sorted(self.source.read_to.items())
            },
            "orders_placed": len(self.placement),
        }

    @override
    def expected(self) -> Mapping[str, Expected]:
        return expected(placed((EVENTS, ORDERS), self._in.settings))

    @override
    async def prepare(self, starts: Starts) -> None:
        """Read up to date where orders are; forget readers of partitions that moved to others.

        The previous owner of the new partitions has written rows since the last read.

        Raises
        ------
        FactsUnreadableError
            Reading took too long, or the broker refused.
        """
        owned = {where.partition for where in starts}
        for number in set(self._readers) - owned:
            del self._readers[number]
        if not owned:
            return
        began, patience_ms = monotonic_ms(), self._in.settings.worker.load_timeout_ms
        try:
            async with asyncio.timeout(patience_ms / 1000):
                count = await self._placing.read_on(self._in.now_ms())
        except TimeoutError:
            raise FactsUnreadableError(
                f"the placement of orders was not loaded after {monotonic_ms() - began} ms"
            ) from None
        log.info(
            "events of partitions %s: %d order records read in %d ms, %d orders placed",
            sorted(owned),
            count,
            monotonic_ms() - began,
            len(self.placement),
        )

    def _ingest(self, partition: int) -> Ingest:
        found = self._readers.get(partition)
        if found is None:
            found = self._readers[partition] = Ingest(
                Reader(),
                self.platform,
                categories=self._in.categories,
                now_ms=self._in.now_ms,
                placed=self.placement.of,
                records_max=self._in.settings.kuaishou.concurrency,
            )
        return found

    def _forget(self, partition: int) -> None:
        self._readers.pop(partition, None)

    @Service.task
    async def _run_watermarks(self) -> None:
        await self.run_until_stopped(self._mark_forever())

    async def _mark_forever(self) -> None:
        """Write, every few seconds, up to when all events of a partition are written."""
        interval_ms = self._in.settings.kuaishou.watermark_interval_ms
        marked: dict[TopicPartition, int] = {}
        while True:
            await asyncio.sleep(min(_CHECK_S, interval_ms / 1000))
            for where in list(self.source.read_to):
                at_ms = self.source.complete_until_ms(where)
                if at_ms is not None and at_ms - marked.get(where, 0) >= interval_ms:
                    marked[where] = at_ms
                    self._mark(where, at_ms)

    def _mark(self, where: TopicPartition, at_ms: int) -> None:
        """Write one watermark per orders partition: an event may belong to any of them."""
        key = WATERMARK_KEY + f":{where.topic}:{where.partition}".encode()
        value = orjson.dumps({"watermark_ms": at_ms})
        for number in range(self._orders.partitions):
            orders = TopicPartition(self._orders.name, number)
            self.sink.append(orders, [(key, value, NO_HEADERS)], _NoClaim())

    @override
    async def close_others(self) -> None:
        if self.session is not None:
            await self.session.close()


def _platform(
    kuaishou: Kuaishou, session: aiohttp.ClientSession, now_ms: Callable[[], int]
) -> Platform:
    """Return the client of the open platform, or a stand-in that knows nothing."""
    if kuaishou.base_url is None:
        return SilentPlatform()
    return OpenPlatform(
        session,
        kuaishou.base_url.rstrip("/"),
        Credentials(
            kuaishou.app_key or "",
            _reveal(kuaishou.access_token),
            _reveal(kuaishou.app_secret),
        ),
        limits=Limits(
            timeout_ms=kuaishou.timeout_ms,
            tries=kuaishou.attempts,
            in_flight_max=kuaishou.concurrency,
        ),
        now_ms=now_ms,
        draw=Random(),  # noqa: S311 - spreads retries, protects nothing
    )


def _reveal(secret: Secret | None) -> str:
    return secret.reveal() if secret is not None else ""
