"""One test's corner of a real broker: its topics, its writer, its workers, its logs."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from sys import intern
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError

from faults.judge.checks import UNDISTURBED, Check, problems
from faults.judge.view import Rec, Sample, View
from faults.waiting import eventually
from faults.workers import Worker
from streams.families.fast_refund.policy import Policy
from streams.kafka.aiokafka_internals.fetch_decode import hand_out_all
from streams.kafka.topic_admin import admin_client, create, declare
from streams.platforms.registry import installed
from streams.settings import Settings, load, load_policy
from testkit.rows import PARTITIONS, Row

DECIDED: Final = ("approvals", "reviews", "skipped", "dead-letters")
OUTPUTS: Final = (*DECIDED, "notices")
DATED: Final = ("orders", "buyers", "shops", "catalog")
"""Fact topics that carry watermarks."""
FACTS: Final = ("orders", "buyers", "outcomes", "shops", "catalog")
WATERMARK: Final = b"__watermark__"
_OF_TOPICS: Final = "REFUND_TOPICS__"
_SAMPLE_S: Final = 0.1
_BEAT_S: Final = 0.5
_LARGEST: Final = 4_000_000
_BATCH: Final = 500_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Lab:
    """Everything of one test; what it starts ends with it."""

    def __init__(
        self, settings: Settings, environ: dict[str, str], folder: Path
    ) -> None:
        self.settings = settings
        self.environ = environ
        self.folder = folder
        self.prefix = settings.topics.prefix
        self.input_topic = self.prefix + "requests"
        self.workers: list[Worker] = []
        self.samples: list[Sample] = []
        self.feeding = asyncio.Event()
        """While it is clear, feeds are silent: no watermarks (see :meth:`fresh`)."""
        self.feeding.set()
        base = load_policy(None)
        self.policies: dict[str, Policy] = {base.name: base}
        self.producer: AIOKafkaProducer
        self.reader: AIOKafkaConsumer
        self.admin: AIOKafkaAdminClient

    # -- workers ---------------------------------------------------------------

    def worker(self, **settings: str) -> Worker:
        """A worker that is yet to be started; ``settings`` come on top of the lab's."""
        name = f"worker-{len(self.workers) + 1}"
        found = Worker(name, self.environ | settings, self.folder)
        self.workers.append(found)
        return found

    async def started(self, **settings: str) -> Worker:
        """A worker that runs and is ready."""
        found = self.worker(**settings)
        found.start()
        await found.ready()
        return found

    # -- writing ---------------------------------------------------------------

    async def put(self, *rows: Row) -> None:
        """Write records, in their order within each partition; all acknowledged."""
        lanes: dict[TopicPartition, list[Row]] = {}
        for one in rows:
            where = TopicPartition(self.prefix + one.topic, one.partition)
            lanes.setdefault(where, []).append(one)
        await asyncio.gather(*(self._send(*lane) for lane in lanes.items()))

    async def _send(self, where: TopicPartition, rows: list[Row]) -> None:
        # By batches: ``send`` refuses a record with neither key nor value.
        batch = self.producer.create_batch()
        for one in rows:
            record = {
                "key": one.key,
                "value": one.value,
                "headers": list(one.headers),
                "timestamp": None,
            }
            if batch.append(**record) is None:
                await self._send_batch(batch, where)
                batch = self.producer.create_batch()
                batch.append(**record)
        await self._send_batch(batch, where)

    async def _send_batch(self, batch: Any, where: TopicPartition) -> None:  # noqa: ANN401
        await (
            await self.producer.send_batch(
                batch, where.topic, partition=where.partition
            )
        )

    async def mark(self, *topics: str, at_ms: int | None = None) -> None:
        """Write watermarks: all there is up to now is in all partitions of these topics."""
        value = json.dumps({"watermark_ms": now_ms() if at_ms is None else at_ms})
        await self.put(
            *(
                Row(topic, number, WATERMARK, value.encode())
                for topic in topics or DATED
                for number in range(PARTITIONS)
            )
        )

    @asynccontextmanager
    async def fresh(self, *topics: str) -> AsyncIterator[None]:
        """Keep facts fresh inside the block, as feeds do."""
        await self.mark(*topics)

        async def beat() -> None:
            while True:
                await asyncio.sleep(_BEAT_S)
                await self.feeding.wait()
                with contextlib.suppress(KafkaError):  # while the broker is away
                    await self.mark(*topics)

        async with running(beat()):
            yield

    # -- changing what is there ------------------------------------------------

    async def make_anew(self, topic: str) -> None:
        """Delete a topic and make it again as it is declared, empty."""
        name = self.prefix + topic
        (spec,) = (
            one
            for one in declare(installed(self.settings), self.settings)
            if one.name == name
        )
        await self.admin.delete_topics([name])
        # A name is free again a moment after its topic was deleted.
        await eventually(lambda: create(self.admin, [spec]))

    async def add_partitions(self, topic: str, total: int) -> None:
        """Give a topic more partitions."""
        wanted = {self.prefix + topic: NewPartitions(total_count=total)}
        await self.admin.create_partitions(wanted)

        async def known() -> bool:
            await self.producer.client.force_metadata_update()
            found = await self.producer.partitions_for(self.prefix + topic)
            return len(found) == total

        await eventually(known)

    async def set_committed(self, offsets: Mapping[int, int]) -> None:
        """Move the group's offsets, as an operator does while all workers are stopped."""
        kafka = self.settings.kafka
        async with AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap_servers,
            group_id=kafka.group_id,
            enable_auto_commit=False,
        ) as consumer:
            wanted = {
                TopicPartition(self.input_topic, number): offset
                for number, offset in offsets.items()
            }
            consumer.assign(list(wanted))
            await consumer.commit(wanted)

    @asynccontextmanager
    async def open_transaction(self, topic: str) -> AsyncIterator[None]:
        """Keep a transaction of somebody else open in all partitions of a topic."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers,
            transactional_id=f"{self.prefix}foreign",
        ) as producer:
            await producer.begin_transaction()
            for number in range(PARTITIONS):
                await producer.send_and_wait(
                    self.prefix + topic, b"foreign", partition=number
                )
            try:
                yield
            finally:
                await producer.abort_transaction()

    # -- looking ---------------------------------------------------------------

    async def committed(self) -> dict[int, int]:
        """Offsets the group has committed; partitions without one are left out."""
        found = await self.admin.list_consumer_group_offsets(
            self.settings.kafka.group_id
        )
        return {
            where.partition: meta.offset
            for where, meta in found.items()
            if where.topic == self.input_topic and meta.offset >= 0
        }

    async def ends(self, *topics: str) -> dict[tuple[str, int], int]:
        """End offsets by topic (without prefix) and partition."""
        wanted = [
            TopicPartition(self.prefix + topic, number)
            for topic in topics
            for number in range(PARTITIONS)
        ]
        found = await self.reader.end_offsets(wanted)
        return {
            (where.topic.removeprefix(self.prefix), where.partition): end
            for where, end in found.items()
        }

    async def count(self, *topics: str) -> int:
        """Records ever written to topics of ours."""
        return sum((await self.ends(*topics)).values())

    async def written(self, least: int, *topics: str, deadline_s: float = 60.0) -> int:
        """Wait until that many records are in the topics (those of decisions, if none)."""

        async def enough() -> int:
            found = await self.count(*(topics or DECIDED))
            return found if found >= least else 0

        return await eventually(enough, deadline_s)

    async def caught_up(self, deadline_s: float = 60.0) -> None:
        """Wait until every request that is there now is decided and committed."""
        ends = {
            number: end for (_, number), end in (await self.ends("requests")).items()
        }

        async def done() -> bool:
            with contextlib.suppress(KafkaError):
                committed = await self.committed()
                return all(committed.get(at, 0) >= end for at, end in ends.items())
            return False

        await eventually(done, deadline_s)

    @asynccontextmanager
    async def sampling(self) -> AsyncIterator[None]:
        """Keep looking at committed offsets inside the block; the checker judges them."""

        async def look() -> None:
            while True:
                with contextlib.suppress(KafkaError):
                    await self.sample()
                await asyncio.sleep(_SAMPLE_S)

        async with running(look()):
            yield
        await self.sample()

    async def sample(self) -> None:
        """Look once."""
        at_ms = now_ms()
        committed = await self.committed()
        # Afterwards: an output that came between the two looks is no violation.
        ends = await self.ends(*DECIDED)
        self.samples.append(Sample(committed, ends, at_ms, ended_ms=now_ms()))

    async def records(self, *topics: str) -> list[Rec]:
        """Read topics from start to end; what was aborted is left out."""
        wanted = [
            TopicPartition(self.prefix + topic, number)
            for topic in topics
            for number in range(PARTITIONS)
        ]
        self.reader.assign(wanted)
        await self.reader.seek_to_beginning(*wanted)
        ends = await self.reader.end_offsets(wanted)
        found: dict[TopicPartition, list[Rec]] = {where: [] for where in wanted}
        behind = set(wanted)
        while behind:
            for where, polled in (await self.reader.getmany(timeout_ms=50)).items():
                found[where] += [self.rec(record) for record in polled]
            behind = {
                where
                for where in behind
                if await self.reader.position(where) < ends[where]
            }
        return [rec for where in wanted for rec in found[where]]

    def rec(self, record: Any) -> Rec:  # noqa: ANN401 - aiokafka is untyped here
        """A record as the judge sees it."""
        # Names are shared: a long run has millions of records.
        return Rec(
            intern(record.topic.removeprefix(self.prefix)),
            record.partition,
            record.offset,
            record.key,
            record.value,
            tuple([(intern(name), value) for name, value in record.headers]),
            record.timestamp,
        )

    async def view(self) -> View:
        """Everything there is to see now."""
        await self.sample()
        inputs = await self.records("requests")
        ends = await self.ends("requests")
        last = {rec.partition: rec.offset for rec in inputs}
        unread = {at: end - 1 - last.get(at, -1) for (_, at), end in ends.items()}
        outputs = await self.records(*OUTPUTS)
        return View(
            self.input_topic,
            inputs,
            outputs,
            self.samples,
            self.policies,
            unread,
            partitions=PARTITIONS,
        )

    async def checked(self, checks: Sequence[Check] = UNDISTURBED) -> View:
        """Everything there is to see, after it was found to be right."""
        view = await self.view()
        assert problems(view, checks) == []
        return view


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:  # noqa: ANN401 - a coroutine
    """Run something beside the block; what it raises, the block's end raises."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


@asynccontextmanager
async def laboratory(
    bootstrap: str, prefix: str, folder: Path, **settings: str
) -> AsyncIterator[Lab]:
    """Create all topics; end all workers and delete the topics afterwards.

    ``settings`` are the workers' only, but for those of topics: a lab is as patient as
    its clients' defaults.
    """
    common = {
        "REFUND_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "REFUND_KAFKA__GROUP_ID": prefix + "decide",
        "REFUND_KAFKA__SESSION_TIMEOUT_MS": "6000",
        "REFUND_KAFKA__HEARTBEAT_INTERVAL_MS": "1000",
        "REFUND_TOPICS__PREFIX": prefix,
        "REFUND_TOPICS__EVENTS": prefix + "events",
        "REFUND_TOPICS__PARTITIONS": str(PARTITIONS),
        "REFUND_WORKER__COMMIT_INTERVAL_MS": "50",
    }
    common |= {
        name: text for name, text in settings.items() if name.startswith(_OF_TOPICS)
    }
    lab = Lab(load(common, None, {}), common | settings, folder)
    async with AsyncExitStack() as stack:
        lab.admin = await stack.enter_async_context(admin_client(lab.settings.kafka))
        specs = declare(installed(lab.settings), lab.settings)
        await create(lab.admin, specs)
        stack.push_async_callback(_delete, lab.admin, [one.name for one in specs])
        lab.producer = await stack.enter_async_context(
            AIOKafkaProducer(
                bootstrap_servers=bootstrap,
                acks="all",
                max_batch_size=_BATCH,
                max_request_size=_LARGEST,
            )
        )
        lab.reader = await stack.enter_async_context(
            AIOKafkaConsumer(
                bootstrap_servers=bootstrap,
                group_id=None,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                isolation_level="read_committed",
                fetch_max_wait_ms=50,
            )
        )
        hand_out_all(lab.reader)
        try:
            yield lab
        finally:
            for worker in lab.workers:
                worker.stop_anyhow()


async def _delete(admin: AIOKafkaAdminClient, names: Iterable[str]) -> None:
    with contextlib.suppress(KafkaError):  # a broker of its own may be gone
        await admin.delete_topics(list(names))
