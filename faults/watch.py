"""Looks at a run while it goes on: committed offsets, lag, and every output as it comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from sys import intern
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from faults.judge.view import Heard, OffsetSample, Rec, answered_place, digest_of
from faults.lab import FACTS, Lab
from faults.lab_logs import DECIDED, OUTPUTS, now_ms, running
from faults.waiting import eventually
from streams.kafka.aiokafka_internals.fetch_decode import hand_out_all
from testkit.rows import PARTITIONS

_LOOK_S: Final = 0.2


class Watch:
    """What an onlooker has seen so far."""

    def __init__(self, lab: Lab, alive: Callable[[], int]) -> None:
        self._lab = lab
        self._alive = alive
        self.heard: list[Heard] = []
        self.facts: list[Rec] = []
        """Every fact record as it was written: compaction takes some of them away."""
        self.answered: set[tuple[int, int]] = set()
        """Places that have an answer, as far as heard."""
        self.approved: dict[str, int] = {}
        """Partition by decision id of approvals: a request delivered again is approved again."""
        self._reader: AIOKafkaConsumer

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look inside the block."""
        async with (
            AIOKafkaConsumer(
                bootstrap_servers=self._lab.settings.kafka.bootstrap_servers,
                group_id=None,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                fetch_max_wait_ms=50,
            ) as self._reader,
            running(self._listen(self._reader)),
            running(self._sample()),
        ):
            yield

    async def caught_up(self) -> None:
        """Wait until every output that is there now was heard."""
        ends = await self._lab.ends(*OUTPUTS)

        async def heard() -> bool:
            stood = {(one.topic, one.partition): one.offset + 1 for one in self.heard}
            return all(stood.get(lane, 0) >= end for lane, end in ends.items())

        await eventually(heard)

    def approved_in(self, partitions: Collection[int]) -> int:
        """Count approvals of these partitions."""
        return sum(number in partitions for number in self.approved.values())

    def from_start(self, topic: str) -> None:
        """Listen to a topic that was made again, from its start."""
        for number in range(PARTITIONS):
            self._reader.seek(TopicPartition(self._lab.prefix + topic, number), 0)

    async def _listen(self, reader: AIOKafkaConsumer) -> None:
        hand_out_all(reader)
        reader.assign(
            [
                TopicPartition(self._lab.prefix + topic, number)
                for topic in (*OUTPUTS, *FACTS)
                for number in range(PARTITIONS)
            ]
        )
        while True:
            try:
                polled = await reader.getmany(timeout_ms=200)
            except KafkaError:
                await asyncio.sleep(_LOOK_S)  # a topic is gone, or the broker is
                continue
            at_ms = now_ms()
            for where, records in polled.items():
                if where.topic.removeprefix(self._lab.prefix) in FACTS:
                    self.facts += [self._lab.rec(record) for record in records]
                else:
                    self.heard += [self._heard(record, at_ms) for record in records]

    def _heard(self, record: Any, at_ms: int) -> Heard:  # noqa: ANN401 - aiokafka is untyped here
        topic = intern(record.topic.removeprefix(self._lab.prefix))
        headers = tuple(record.headers)
        rec = Rec(topic, record.partition, record.offset, None, None, headers)
        source = answered_place(rec, self._lab.input_topic)
        if source is not None:
            self.answered.add(source)
            if topic == "approvals":
                self.approved.setdefault(rec.header("ce_id") or "", rec.partition)
        return Heard(
            topic,
            record.partition,
            record.offset,
            digest_of(record.key, record.value, headers),
            at_ms,
            source,
        )

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(KafkaError, TimeoutError):
                self._lab.samples.append(await self._look())

    async def _look(self) -> OffsetSample:
        lab = self._lab
        at_ms = now_ms()
        ends = await lab.ends("requests")
        committed = await lab.committed()
        # Afterwards: an output that came between the looks is no violation.
        outputs = await lab.ends(*DECIDED)
        inputs = {number: end for (_, number), end in ends.items()}
        return OffsetSample(committed, outputs, at_ms, inputs, self._alive(), now_ms())
