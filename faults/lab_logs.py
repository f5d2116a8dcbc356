"""What there is to see of one test: its topics, and the offsets of its group."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from sys import intern
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from faults.judge.checks import UNDISTURBED, Check, problems
from faults.judge.view import OffsetSample, Rec, View
from faults.waiting import eventually
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.topics import CODE
from streams.settings import Settings, load_policy
from testkit.rows import PARTITIONS

DECIDED: Final = ("approvals", "reviews", "skipped", "dead-letters")
OUTPUTS: Final = (*DECIDED, "notices")
_SAMPLE_S: Final = 0.1


def now_ms() -> int:
    return time.time_ns() // 1_000_000


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


class LabLogs:
    """Reads what senders and workers of one test have written."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.prefix = settings.topics.prefix
        self.input_topic = self.prefix + "requests"
        self.samples: list[OffsetSample] = []
        base = load_policy(None)
        self.policies: dict[str, Policy] = {base.name: base}
        self.reader: AIOKafkaConsumer
        self.admin: AIOKafkaAdminClient

    async def committed(self) -> dict[int, int]:
        """Offsets the group has committed; partitions without one are left out."""
        found = await self.admin.list_consumer_group_offsets(
            self.settings.group_of(CODE)
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
        self.samples.append(OffsetSample(committed, ends, at_ms, ended_ms=now_ms()))

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
