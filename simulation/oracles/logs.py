"""Records out of the logs of the simulated cluster, as the judge sees them."""

from collections.abc import Iterator
from sys import intern
from typing import Final

import msgspec

from faults.judge.view import Rec
from testkit.simulated.logs.batches import Batch, batches_of, decoded
from testkit.simulated.logs.partition_log import PartitionLog

UNREAD: Final = "refund_unread"
"""Header of a record that stands for a batch that cannot be decoded."""
_ANY_SIZE: Final = 2**31


class Stored(msgspec.Struct, frozen=True):
    """A batch that is in a log, but no marker."""

    records: list[Rec]
    """One that stands for all, with the header :data:`UNREAD`, if it cannot be read."""
    next_offset: int
    transaction: int | None
    """Producer id, if it is part of a transaction."""

    @property
    def unread(self) -> bool:
        """Whether it cannot be read."""
        return bool(self.records) and self.records[0].header(UNREAD) is not None


def appended(log: PartitionLog, where: tuple[str, int], base: int, end: int) -> Stored:
    """Return the batch that has just been appended at an offset."""
    (batch,) = batches_of(log.read(base, _ANY_SIZE, end))
    return _stored(batch, where)


def everything(log: PartitionLog, where: tuple[str, int]) -> Iterator[Stored]:
    """Yield what is in a log from its start on, without markers."""
    for batch in log.batches():
        if not batch.control:
            yield _stored(batch, where)


def _stored(batch: Batch, where: tuple[str, int]) -> Stored:
    transaction = batch.producer_id if batch.transactional else None
    try:
        records = _records(batch, where)
    except Exception as problem:  # noqa: BLE001 - hostile bytes break decoders in many ways
        told = ((UNREAD, type(problem).__name__.encode()),)
        at, stamp_ms = batch.base_offset, batch.latest_ms
        records = [Rec(*where, at, None, None, told, stamp_ms)]
    return Stored(records, batch.next_offset, transaction)


def _records(batch: Batch, where: tuple[str, int]) -> list[Rec]:
    """Decode a batch; raises all sorts of errors if it cannot be read."""
    topic, partition = where
    records = [
        Rec(
            topic,
            partition,
            record.offset,
            record.key,
            record.value,
            tuple([(intern(name), value) for name, value in record.headers]),
            record.timestamp_ms,
        )
        for record in decoded(batch)
    ]
    before = batch.base_offset - 1
    for rec in records:
        if not before < rec.offset <= batch.last_offset:
            raise ValueError("offsets that are not those of the batch")
        before = rec.offset
    return records


def producer_at(log: PartitionLog, offset: int) -> int:
    """Return the producer id of the batch with an offset."""
    (batch,) = batches_of(log.read(offset, _ANY_SIZE, offset + 1))
    return batch.producer_id
