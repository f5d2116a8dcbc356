"""Defects of outputs: how they are written, and how they are read back."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from simulation.defects.planting import Planting, put
from simulation.plan import Plan
from simulation.stories import WriteUnreadable
from streams.families.fast_refund import refund_versions
from streams.families.fast_refund.decision_history import RefundHistory
from streams.families.fast_refund.history_entries import Remembered
from streams.kafka.output_scan import AnsweredOffsets, OutputScan
from streams.kafka.sink import Sink, _OutputPartition
from streams.processing.answers import Answers
from streams.records.record import Record


def answered_offsets_forgotten() -> Planting:
    """A take-over restores decisions, but not which requests they answer."""
    right = vars(OutputScan)["read"]

    async def read(
        self: OutputScan, states: Mapping[int, Any], committed: Mapping[int, int]
    ) -> dict[int, AnsweredOffsets]:
        found: dict[int, AnsweredOffsets] = await right(self, states, committed)
        for one in found.values():
            one.inputs = Answers(end=one.inputs.end)
        return found

    return put(OutputScan, "read", read)


def outputs_read_short() -> Planting:
    """Reading outputs back ends with the first answer of the broker, not at their end."""

    async def polls(self: OutputScan, numbers: list[int]) -> Any:  # noqa: ANN401 - an iterator
        outputs = self._names.outputs
        partitions = [at for number in numbers for at in outputs(number).values()]
        if not partitions:
            return
        ends = await self._seek(partitions)
        polled = await self._consumer.getmany(timeout_ms=100)
        for where, records in polled.items():
            yield where, [record for record in records if record.offset < ends[where]]
        self._reached = ends
        self._consumer.pause(*partitions)

    return put(OutputScan, "_polls", polls)


def later_decision_holds() -> Planting:
    """Of two decisions of one id that are read back, the later one counts."""
    right = vars(RefundHistory)["remember"]

    def remember(self: RefundHistory, entry: Remembered) -> Remembered:
        known = self._refunds.get(entry.refund_id)
        if known is not None and not isinstance(known, tuple):
            first = refund_versions.of_version(
                known, entry.version, withdraws=entry.withdraws
            )
            if first is known:
                self._refunds[entry.refund_id] = entry
                return entry
        kept: Remembered = right(self, entry)
        return kept

    return put(RefundHistory, "remember", remember)


def dead_letters_forgotten() -> Planting:
    """A take-over does not read back which records have a dead letter."""

    def take(
        self: OutputScan,
        where: TopicPartition,
        record: Record,
        answered: AnsweredOffsets,
        committed: int,
    ) -> None:
        """Take nothing."""

    return put(OutputScan, "_take_dead_letter", take)


def outputs_of_lost_kept() -> Planting:
    """Outputs of a lost partition count as read when it comes back, to empty tables."""

    def forget(self: OutputScan, partitions: Iterable[int]) -> None:
        """Forget nothing."""

    return put(OutputScan, "forget", forget)


def buries_requests(plan: Plan) -> bool:
    """Whether requests become dead letters."""
    return any(isinstance(one, WriteUnreadable) for one in plan.traffic.extras)


def loses_batches(plan: Plan) -> bool:
    """Whether an output may remain without an acknowledgement."""
    return plan.profile not in ("calm", "workers")


def lost_batch_sent_again() -> Planting:
    """A batch that was not acknowledged is sent once more, as a new one."""

    async def send(self: Sink, where: TopicPartition, output: _OutputPartition) -> None:
        try:
            while output.queue or output.batch is not None:
                if not output.queue:
                    self._close(output)
                batch, waiting = output.queue.pop(0)
                self._queued -= 1
                again, count = copy.copy(batch), batch.record_count()
                try:
                    answer = await self._producer.send_batch(
                        batch, where.topic, partition=where.partition
                    )
                    acknowledged = await answer
                except KafkaError:
                    answer = await self._producer.send_batch(
                        again, where.topic, partition=where.partition
                    )
                    acknowledged = await answer
                self._on_written(where, acknowledged.offset, count)
                for pending in waiting:
                    pending.release()
        except Exception as problem:  # noqa: BLE001 - as the right one
            self._lose(where, problem)
        finally:
            output.running = False

    return put(Sink, "_send", send)


def sink_goes_on() -> Planting:
    """After a batch that was not acknowledged the next one is sent, as if nothing were."""

    async def send(self: Sink, where: TopicPartition, output: _OutputPartition) -> None:
        try:
            while output.queue or output.batch is not None:
                if not output.queue:
                    self._close(output)
                batch, waiting = output.queue.pop(0)
                self._queued -= 1
                count = batch.record_count()
                try:
                    answer = await self._producer.send_batch(
                        batch, where.topic, partition=where.partition
                    )
                    self._on_written(where, (await answer).offset, count)
                except KafkaError:
                    pass
                for pending in waiting:
                    pending.release()
        finally:
            output.running = False

    return put(Sink, "_send", send)
