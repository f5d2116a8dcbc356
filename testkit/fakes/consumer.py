"""A consumer on topics in memory."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError
from aiokafka.protocol.commit import (
    OffsetFetchRequest,
    OffsetFetchRequest_v3,
    OffsetFetchResponse_v3,
)

from streams.kafka.incarnations import Expected, Incarnations
from streams.kafka.input_log import InputLog
from testkit.fakes.failing import Failing
from testkit.fakes.log import FakeLog, FakeRecord, turns
from testkit.samples import PARTITIONS

_PATIENCE_S = 0.005
"""A poll that finds nothing waits no longer, whatever it was asked to."""


@dataclass
class _State:
    position: int
    paused: bool = False
    highwater: int | None = None
    stable: int | None = None
    heard_ms: int | None = None


class FakeConsumer(Failing):
    """A consumer with or without a group."""

    def __init__(
        self, log: FakeLog, isolation: str = "read_committed", reset: str = "none"
    ) -> None:
        super().__init__()
        self.log = log
        self._resets = reset == "earliest"
        self._end = log.end if isolation == "read_uncommitted" else log.stable_end
        self.listener: Any = None
        self.swallowed: list[Exception] = []
        self.commits: list[dict[TopicPartition, int]] = []
        self.assigned_times = 0
        self.ends_asked: list[frozenset[str]] = []
        """Topics of each call of ``end_offsets``."""
        self._states: dict[TopicPartition, _State] = {}

    def subscribe(self, _topics: list[str], listener: Any) -> None:  # noqa: ANN401 - as aiokafka
        self.listener = listener

    async def rebalance(self, *assigned: TopicPartition) -> None:
        """Take everything away, then give what is named: eager, as aiokafka does it."""
        revoked = set(self._states)
        await self._tell(self.listener.on_partitions_revoked, revoked)
        self._states = {
            where: _State(self.log.committed.get(where, self._start(where)))
            for where in assigned
        }
        await self._tell(self.listener.on_partitions_assigned, set(assigned))

    async def _tell(
        self, callback: Callable[[set[TopicPartition]], Any], what: set[TopicPartition]
    ) -> None:
        try:
            await callback(what)
        except Exception as problem:  # noqa: BLE001 - as aiokafka
            self.swallowed.append(problem)

    def _start(self, where: TopicPartition) -> int:
        return self.log.starts.get(where, 0)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self.assigned_times += 1
        self._states = {where: _State(self._start(where)) for where in partitions}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._states)

    def seek(self, where: TopicPartition, offset: int) -> None:
        self._state(where).position = offset

    def pause(self, *partitions: TopicPartition) -> None:
        for where in partitions:
            self._state(where).paused = True

    def resume(self, *partitions: TopicPartition) -> None:
        for where in partitions:
            self._state(where).paused = False
        self.log.changed.set()

    async def position(self, where: TopicPartition) -> int:
        self._may_fail("position")
        return self._state(where).position

    def highwater(self, where: TopicPartition) -> int | None:
        return self._state(where).highwater

    def last_stable_offset(self, where: TopicPartition) -> int | None:
        return self._state(where).stable

    def last_poll_timestamp(self, where: TopicPartition) -> int | None:
        return self._state(where).heard_ms

    async def beginning_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        self._may_fail("beginning_offsets")
        await turns(3)  # as long as a broker takes
        return {where: self._start(where) for where in partitions}

    async def end_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        self._may_fail("end_offsets")
        self.ends_asked.append(frozenset(where.topic for where in partitions))
        await turns(3)  # as long as a broker takes
        return {where: self._end(where) for where in partitions}

    async def offsets_for_times(
        self, times_ms: dict[TopicPartition, int]
    ) -> dict[TopicPartition, Any]:
        self._may_fail("offsets_for_times")
        await turns(3)  # as long as a broker takes
        return {
            where: next(
                (one for one in self.log.records[where] if one.timestamp >= from_ms),
                None,
            )
            for where, from_ms in times_ms.items()
        }

    @property
    def _coordinator(self) -> "FakeConsumer":
        return self

    group_id = "group"
    _retry_backoff_ms = 1

    async def ensure_coordinator_known(self) -> None:
        await turns(1)

    def coordinator_dead(self) -> None: ...

    async def _send_req(self, request: OffsetFetchRequest) -> OffsetFetchResponse_v3:
        self._may_fail("committed")
        await turns(3)  # as long as a broker takes
        rows = [
            (topic, [self._committed(TopicPartition(topic, n)) for n in numbers])
            for topic, numbers in request.build(OffsetFetchRequest_v3).topics
        ]
        return OffsetFetchResponse_v3(0, rows, 0)

    def _committed(self, where: TopicPartition) -> tuple[int, int, str, int]:
        offset = self.log.committed.get(where, -1)
        return where.partition, offset, self.log.metadata.get(where, ""), 0

    async def commit(self, offsets: dict[TopicPartition, tuple[int, str]]) -> None:
        self._may_fail("commit")
        await turns(3)  # as long as a broker takes
        for where in offsets:
            self._state(where)
        taken = {where: offset for where, (offset, _) in offsets.items()}
        self.commits.append(taken)
        self.log.committed.update(taken)
        self.log.metadata.update({at: text for at, (_, text) in offsets.items()})

    async def getmany(
        self, *, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[FakeRecord]]:
        self._may_fail("getmany")
        if not (found := self._drain(max_records)) and timeout_ms:
            self.log.changed.clear()
            try:
                async with asyncio.timeout(min(timeout_ms / 1000, _PATIENCE_S)):
                    await self.log.changed.wait()
            except TimeoutError:
                pass
            found = self._drain(max_records)
        return found

    def _drain(self, max_records: int | None) -> dict[TopicPartition, list[FakeRecord]]:
        found: dict[TopicPartition, list[FakeRecord]] = {}
        left = max_records
        for where, state in self._states.items():
            if state.paused or left == 0:
                continue
            if not self._start(where) <= state.position <= self.log.end(where):
                if not self._resets:
                    raise OffsetOutOfRangeError({where: state.position})
                state.position = self._start(where)
            end = self._end(where)
            state.highwater, state.stable = self.log.end(where), end
            state.heard_ms = self.log.clock_ms()
            there = [
                one
                for one in self.log.records[where]
                if max(state.position, self._start(where)) <= one.offset < end
            ]
            records = there[:left]
            if records:
                found[where] = records
                left = None if left is None else left - len(records)
            more = len(records) < len(there)
            if not more:
                state.position = max(state.position, end)
            elif records:
                state.position = records[-1].offset + 1
        return found

    def _state(self, where: TopicPartition) -> _State:
        if where not in self._states:
            raise IllegalStateError(f"Partition {where} is not assigned")
        return self._states[where]


def input_log(log: FakeLog, member: FakeConsumer, topic: str) -> InputLog:
    """Return what tells a source where its partitions begin."""
    incarnations = Incarnations(
        log.topics_now,
        {topic: Expected(partitions=PARTITIONS, advice="ask")},
        log.clock_ms,
    )
    asking = FakeConsumer(log, "read_uncommitted")
    return InputLog("group", member, asking, incarnations)
