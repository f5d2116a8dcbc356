"""A stage for whole workers: their topics on a real broker, records in, outputs back.

Workers are processes of their own, started as an operator starts them, so that they
can be killed at any moment.
"""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.kafka.record import Record
from streams.kafka.routing import partition_of
from streams.kafka.topics import admin_client, create, declare
from streams.settings import Settings, load
from tests import samples
from tests.waiting import eventually

ROOT: Final = Path(__file__).resolve().parents[2]
DECIDED: Final = ("approvals", "reviews", "skipped")
ANSWERS: Final = (*DECIDED, "dead-letters")
MARKED: Final = ("orders", "buyers", "shops", "catalog")


def now_ms() -> int:
    """The wall clock, as the workers have it."""
    return time.time_ns() // 1_000_000


class Worker:
    """One worker process and its log."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.port = int(environ["REFUND_WEB__PORT"])
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker"],
                env=dict(environ),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    async def ready(self, deadline_s: float = 60.0) -> Self:
        """Wait until it decides requests; fail at once when it ended instead."""

        async def probe() -> bool:
            assert self.process.poll() is None, self.tail()
            return await asyncio.to_thread(self._page, "readyz") is not None

        await eventually(probe, deadline_s)
        return self

    def _page(self, name: str) -> str | None:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/{name}", timeout=2
            ) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError):
            return None

    async def page(self, name: str) -> str:
        """The text of a page."""
        text = await asyncio.to_thread(self._page, name)
        assert text is not None, self.tail()
        return text

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def ended(self, deadline_s: float = 30.0) -> int:
        """The exit code, once there is one."""
        return await asyncio.to_thread(self.process.wait, deadline_s)

    async def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        await self.ended()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return await self.ended()

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3_000:]


class Stage:
    """Topics of one test, a producer, and the workers started on them."""

    def __init__(
        self, bootstrap: str, prefix: str, partitions: int, folder: Path
    ) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.partitions = partitions
        self.folder = folder
        self.workers: list[Worker] = []
        # Below the ports that outgoing connections and brokers of tests take.
        self._ports = itertools.count(10_000 + os.getpid() % 400 * 20)

    def environ(self, **more: object) -> dict[str, str]:
        """The settings of a worker; ``kafka__x=1`` sets ``REFUND_KAFKA__X``."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("REFUND_")}
        settings = {
            "kafka__bootstrap_servers": self.bootstrap,
            "kafka__group_id": self.prefix + "group",
            "kafka__session_timeout_ms": 6_000,
            "kafka__heartbeat_interval_ms": 1_000,
            "topics__prefix": self.prefix,
            "topics__partitions": self.partitions,
            "web__port": next(self._ports),
            **more,
        }
        return kept | {f"REFUND_{k.upper()}": str(v) for k, v in settings.items()}

    def settings(self) -> Settings:
        """The same settings, as the code reads them."""
        environ = self.environ()
        return load(
            {k: v for k, v in environ.items() if k.startswith("REFUND_")}, None, {}
        )

    def worker(self, **more: object) -> Worker:
        """Start a worker; it is killed at the end of the test at the latest."""
        log = self.folder / f"worker-{len(self.workers) + 1}.log"
        worker = Worker(self.environ(**more), log)
        self.workers.append(worker)
        return worker

    async def __aenter__(self) -> Self:
        async with admin_client(self.settings().kafka) as admin:
            await create(admin, declare(self.settings()))
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await self.producer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
                worker.process.kill()
            worker.process.wait(30)
        await self.producer.stop()

    # -- records in ------------------------------------------------------------

    async def put(
        self,
        topic: str,
        key: str | None,
        value: bytes | None,
        *,
        owner: str | None = None,
        partition: int | None = None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> Any:
        """Queue a record at its owner's partition; the future ends when it is written."""
        where = partition_of(owner, self.partitions) if owner is not None else partition
        return await self.producer.send(
            self.prefix + topic,
            key=None if key is None else key.encode(),
            value=value,
            partition=where,
            headers=headers or [],
        )

    async def order(self, order_id: str, buyer_id: str, **changes: object) -> None:
        """Write an order snapshot, fresh and good but for the changes."""
        at = now_ms()
        fields = {
            "order_version": at,
            "as_of_ms": at,
            "paid_at_ms": at - 60_000,
            **changes,
        }
        value = samples.order(order_id=order_id, buyer_id=buyer_id, **fields)
        await self.put("orders", order_id, value, owner=buyer_id)

    async def buyer(self, buyer_id: str, **changes: object) -> None:
        """Write a buyer of quality, unless the changes say otherwise."""
        fields = {
            "quality": [{"from_ms": 1, "value": "quality"}],
            "as_of_ms": now_ms(),
            **changes,
        }
        value = samples.buyer(buyer_id=buyer_id, **fields)
        await self.put("buyers", buyer_id, value, owner=buyer_id)

    async def request(
        self, refund_id: str, order_id: str, buyer_id: str, **changes: object
    ) -> None:
        """Write a refund request made now."""
        at = now_ms()
        fields = {"refund_version": at, "requested_at_ms": at, **changes}
        value = samples.request(
            refund_id=refund_id, order_id=order_id, buyer_id=buyer_id, **fields
        )
        await self.put("requests", refund_id, value, owner=buyer_id)

    async def outcome(self, key: str, buyer_id: str, value: bytes) -> None:
        """Write a payout, a review or a veto."""
        await self.put("outcomes", key, value, owner=buyer_id)

    async def marks(self, at_ms: int, topics: tuple[str, ...] = MARKED) -> None:
        """Say that all feeds are written up to a moment, and wait for it all."""
        for topic in topics:
            for number in range(self.partitions):
                value = samples.watermark(at_ms)
                await self.put(topic, "__watermark__", value, partition=number)
        await self.producer.flush()

    async def fresh_facts(self) -> None:
        """Vouch for all facts for as long as any test runs."""
        await self.marks(now_ms() + 240_000)

    # -- outputs back ----------------------------------------------------------

    async def read(self, *topics: str) -> list[Record]:
        """Everything in these topics, to their present end."""
        found: list[Record] = []
        async with self._reader(topics) as (consumer, ends):
            while True:
                behind = [
                    tp for tp, end in ends.items() if await consumer.position(tp) < end
                ]
                if not behind:
                    return found
                polled = await consumer.getmany(timeout_ms=200)
                for records in polled.values():
                    found.extend(records)

    @asynccontextmanager
    async def _reader(
        self, topics: tuple[str, ...]
    ) -> AsyncIterator[tuple[AIOKafkaConsumer, dict[TopicPartition, int]]]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        try:
            partitions = [
                TopicPartition(self.prefix + topic, number)
                for topic in topics
                for number in range(self.partitions)
            ]
            consumer.assign(partitions)
            yield consumer, await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()

    async def answers(self, count: int, deadline_s: float = 60.0) -> list[Record]:
        """All outputs, once there are so many of them."""

        async def probe() -> list[Record] | None:
            found = await self.read(*ANSWERS)
            for worker in self.workers:
                code = worker.process.poll()
                assert code in {None, 0, -9}, f"exit code {code}\n{worker.tail()}"
            return found if len(found) >= count else None

        found = await eventually(probe, deadline_s)
        assert found is not None
        return found

    async def committed(self) -> dict[int, int]:
        """The group's committed offsets by partition; those never committed are left out."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=self.prefix + "group",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            found = {}
            for number in range(self.partitions):
                offset = await consumer.committed(
                    TopicPartition(self.prefix + "requests", number)
                )
                if offset is not None:
                    found[number] = offset
            return found
        finally:
            await consumer.stop()
