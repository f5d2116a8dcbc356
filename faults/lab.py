"""One test's corner of a real broker: its topics, its writer, its workers, its logs."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from faults.lab_logs import LabLogs, now_ms, running
from faults.workers import WorkerProcess
from streams.kafka.aiokafka_internals.fetch_decode import hand_out_all
from streams.kafka.topic_admin import admin_client, create, declare
from streams.platforms.registry import installed
from streams.settings import Settings, load
from testkit.rows import PARTITIONS, Row

DATED: Final = ("orders", "buyers", "shops", "catalog")
"""Fact topics that carry watermarks."""
FACTS: Final = ("orders", "buyers", "outcomes", "shops", "catalog")
WATERMARK: Final = b"__watermark__"
_OF_TOPICS: Final = ("REFUND_TOPICS__", "REFUND_FAMILIES__", "REFUND_WORKER__FAMILIES")
"""Settings that say which topics there are."""
_BEAT_S: Final = 0.5
_LARGEST: Final = 4_000_000
_BATCH: Final = 500_000


class Lab(LabLogs):
    """Everything of one test; what it starts ends with it."""

    def __init__(
        self, settings: Settings, environ: dict[str, str], folder: Path
    ) -> None:
        super().__init__(settings)
        self.environ = environ
        self.folder = folder
        self.workers: list[WorkerProcess] = []
        self.feeding = asyncio.Event()
        """While it is clear, feeds are silent: no watermarks (see :meth:`fresh`)."""
        self.feeding.set()
        self.producer: AIOKafkaProducer

    # -- workers ---------------------------------------------------------------

    def worker(self, **settings: str) -> WorkerProcess:
        """A worker that is yet to be started; ``settings`` come on top of the lab's."""
        name = f"worker-{len(self.workers) + 1}"
        found = WorkerProcess(name, self.environ | settings, self.folder)
        self.workers.append(found)
        return found

    async def started(self, **settings: str) -> WorkerProcess:
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


@asynccontextmanager
async def laboratory(
    bootstrap: str, prefix: str, folder: Path, **settings: str
) -> AsyncIterator[Lab]:
    """Create all topics; end all workers and delete the topics afterwards.

    ``settings`` are the workers' only, but for those that say which topics there are: a
    lab is as patient as its clients' defaults.
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
