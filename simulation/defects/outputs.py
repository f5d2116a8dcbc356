"""Defects of outputs: how they are written, and how they are read back."""

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from simulation.defects.planting import Planting, put
from simulation.plan import Plan
from streams.kafka.output_scan import AnsweredOffsets, OutputScan
from streams.kafka.sink import Sink, _OutputPartition
from streams.processing.answers import Answers


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


def loses_batches(plan: Plan) -> bool:
    """Whether an output may remain without an acknowledgement."""
    return plan.profile not in ("calm", "workers")


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
